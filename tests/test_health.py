"""The guards, on records made by hand: each names its own fault, warns before it acts, and lets a sound run be."""

from __future__ import annotations

import math

import pytest

from aha.train.health import GUARDS, Health, HealthSettings

SOUND = {
    "reward": 0.3, "reward/correct": 0.2, "reward/formatted": 0.95, "failed": 0, "replies": 512, "groups": 32,
    "truncated": 0.02, "zero_signal": 0.2, "length_mean": 80.0, "length_p90": 128, "length_reward": 0.1, "loss": 0.1,
    "grad_norm": 0.1, "skipped_updates": 0.0, "ratio": 1.0, "kl": 0.01, "entropy": 0.3, "sampled_entropy": 0.3,
    "gap_mean": 0.0045, "gap_first": 0.0045, "trained_tokens": 8000.0,
}  # fmt: skip
FLAT = {"zero_signal": 1.0}


def verdicts(*changes, settings=None, dtype="bf16"):
    """What a fresh guard says of a sound step and then of steps that differ from it."""
    health = Health(settings or HealthSettings(), dtype)
    assert health.check(SOUND).state == "ok"
    return [health.check(SOUND | change) for change in changes]


def states(*changes, **more):
    return [(verdict.state, verdict.guard) for verdict in verdicts(*changes, **more)]


FAULTS = {
    "not-finite": ({"skipped_updates": 1.0}, "halt", 3, "dropped"),
    "mismatch": ({"gap_first": 0.1}, "halt", 1, "temperature"),
    "explosion": ({"sampled_entropy": 7.0}, "rollback", 2, "grpo.lr"),
    "graders": ({"failed": 256}, "halt", 10, "50 %"),
    "cut-off": ({"truncated": 0.97} | FLAT, "halt", 10, "97 % of replies are cut off at 128 tokens"),
    "entropy": ({"sampled_entropy": 0.0005}, "halt", 10, "vary"),
    "no-signal": (FLAT, "halt", 10, "constant"),
}


@pytest.mark.parametrize("guard", FAULTS)
def test_a_fault_is_named_at_once_and_acted_on_when_it_stays(guard):
    change, act, after, words = FAULTS[guard]
    gradual = [SOUND | {"sampled_entropy": 0.3 / 3**i} for i in range(1, 6)] if guard == "entropy" else []
    found = verdicts(*gradual, *[change] * after)[len(gradual) :]
    assert {verdict.guard for verdict in found} == {guard} and all(words in verdict.words for verdict in found)
    assert [verdict.state for verdict in found] == ["warn"] * (after - 1) + [act]


def test_every_guard_is_tried_here():
    assert set(FAULTS) | {"length", "deceived"} == set(GUARDS)


def test_a_learned_reward_that_rises_while_the_strict_rule_falls_raises_an_alarm():
    first = SOUND | {"reward/preferred": 0.5, "reward/strict": 0.4}
    health = Health(HealthSettings())
    assert health.check(first).state == "ok"
    assert health.check(first | {"reward/preferred": 0.7, "reward/strict": 0.6}).state == "ok"  # both rise
    alarm = health.check(first | {"reward/preferred": 0.58, "reward/strict": 0.35})
    assert (alarm.state, alarm.guard) == ("warn", "deceived")
    assert "from 0.50 to 0.58" in alarm.words and "from 0.40 to 0.35" in alarm.words


@pytest.mark.parametrize("guard", FAULTS)
def test_a_guard_that_may_only_warn_never_stops_a_run(guard):
    found = states(*[FAULTS[guard][0]] * 40, settings=HealthSettings(only_warn=list(GUARDS)))
    assert {state for state, _ in found} == {"warn"}


@pytest.mark.parametrize("guard", ["explosion", "graders", "no-signal", "cut-off"])
def test_a_good_step_in_between_is_forgiven(guard):
    change, _, after, _ = FAULTS[guard]
    found = states(*([change] * (after - 1) + [{}]) * 5)
    assert {state for state, _ in found} == {"warn", "ok"} and found[after - 1] == ("ok", "")


def test_dropped_updates_add_up_over_good_steps_but_not_over_twenty():
    often, seldom = [{"skipped_updates": 1.0}, *[{}] * 5], [{"skipped_updates": 1.0}, *[{}] * 20]
    assert ("halt", "not-finite") in states(*often * 3)
    assert ("halt", "not-finite") not in states(*seldom * 5)


@pytest.mark.parametrize("name", ["loss", "grad_norm", "reward", "sampled_entropy", "gap_mean"])
@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_number_that_is_none_is_named(name, value):
    [verdict] = verdicts({name: value})
    assert verdict.guard == "not-finite" and name in verdict.words


def test_what_a_record_lacks_is_not_judged():
    assert Health(HealthSettings()).check({"step": 1, "reward": 0.5}).state == "ok"


@pytest.mark.parametrize(
    ("gap", "dtype", "state"),
    [(5e-7, "fp32", "ok"), (2.5e-4, "fp32", "halt"), (0.006, "bf16", "ok"), (0.0207, "bf16", "halt")],
)
def test_the_gap_that_is_allowed_goes_by_the_arithmetic(gap, dtype, state):
    health = Health(HealthSettings(), dtype)
    health.check(SOUND | {"gap_first": gap if state == "ok" else gap / 100})
    assert health.check(SOUND | {"gap_first": gap}).state == state


@pytest.mark.parametrize(
    ("gap", "layers", "state"), [(0.028, 30, "ok"), (0.05, 30, "warn"), (0.028, 4, "warn"), (0.16, 30, "halt")]
)
def test_a_deep_model_in_bf16_may_round_more(gap, layers, state):
    assert Health(HealthSettings(), "bf16").check(SOUND | {"gap_first": gap, "layers": layers}).state == state


def test_a_gap_that_is_large_from_the_first_step_is_suspected_in_bf16_and_certain_in_fp32():
    first = SOUND | {"gap_first": 0.0207}
    assert Health(HealthSettings(), "bf16").check(first).state == "warn"
    assert Health(HealthSettings(), "fp32").check(first).state == "halt"
    assert Health(HealthSettings(gap=0.01), "bf16").check(first).state == "halt"
    assert Health(HealthSettings(gap=0.03), "fp32").check(first).state == "ok"


def test_one_strange_token_among_few_is_no_mismatch_in_bf16():
    assert states({"gap_first": 0.06, "trained_tokens": 100.0}) == [("ok", "")]


@pytest.mark.parametrize(
    "change",
    [{"grad_norm": 5.0}, {"kl": 3.0}, {"ratio": 2.0}, {"sampled_entropy": 0.01}, {"reward": 0.1, "truncated": 0.9},
     {"reward": 0.0} | FLAT],
    ids=str,
)  # fmt: skip
def test_each_sign_of_an_explosion_rolls_back_to_the_last_step_beyond_suspicion(change):
    found = verdicts({}, {}, {}, change, change)
    assert (found[-1].state, found[-1].guard) == ("rollback", "explosion")
    assert found[-1].good == 3  # step 5 is the first bad one, step 4's update is what may have broken it


def test_what_is_usual_does_not_follow_an_explosion():
    assert set(states(*[{"sampled_entropy": 7.0}] * 30)[1:]) == {("rollback", "explosion")}


def test_weights_are_suspect_from_the_first_sign_of_an_explosion_until_a_good_step():
    health, seen = Health(HealthSettings()), []
    for change in ({}, {"grad_norm": 5.0}, {}, {}, {"sampled_entropy": 7.0, "gap_first": 1.0}, {}):
        health.check(SOUND | change)
        seen.append(health.suspect)
    assert seen == [False, False, False, False, True, False]  # a gradient needs three steps to be compared with


def test_a_run_may_change_a_lot_step_by_step():
    drift = [{name: SOUND[name] * 1.08**i for name in ("grad_norm", "kl", "sampled_entropy")} for i in range(40)]
    assert set(states(*drift)) == {("ok", "")}


def test_small_steps_without_a_signal_are_given_time():
    found = states(*[FLAT | {"groups": 4}] * 25)
    assert found[-2:] == [("warn", "no-signal"), ("halt", "no-signal")]


@pytest.mark.parametrize("right", [{"reward/correct": 1.0}, {"reward/correct": None, "reward": 1.0}])
def test_a_task_that_is_solved_stops_no_run(right):
    [*_, last] = verdicts(*[FLAT | {"reward": 1.1} | right] * 40)
    assert last.state == "warn" and "nothing is left to learn" in last.words


def test_replies_that_are_cut_off_but_still_teach_stop_no_run():
    assert set(states(*[{"truncated": 1.0}] * 40)) == {("warn", "cut-off")}


def leak(step, **more):
    return {"length_reward": 0.9, "length_mean": 80.0 + 10 * step} | more


def test_length_that_is_rewarded_without_being_right_stops_the_run():
    found = verdicts(*[leak(step) for step in range(20)])
    assert {verdict.guard for verdict in found} == {"length"} and "0.90" in found[0].words
    assert [verdict.state for verdict in found].index("halt") == 11  # 1.2 times as long after 2 steps, then 10 such


@pytest.mark.parametrize("part", ["reward/correct", "reward/formatted"])
def test_length_that_comes_with_better_replies_stops_no_run(part):
    better = [leak(step, **{part: SOUND[part] + 0.03 * step}) for step in range(1, 20)]
    assert "halt" not in {state for state, _ in states(leak(0), *better)}


def test_a_few_replies_may_correlate_by_chance():
    assert states(leak(1, replies=16, length_reward=0.89)) == [("ok", "")]


def test_the_graver_of_two_findings_is_told_and_causes_come_before_effects():
    assert states(FLAT | {"truncated": 1.0}) == [("warn", "cut-off")]
    assert states(FLAT | {"failed": 512}) == [("warn", "graders")]
    assert states({"gap_first": 0.1, "failed": 512}) == [("halt", "mismatch")]


def test_changes_of_opinion_are_recorded_with_their_step():
    health = Health(HealthSettings(patience=2))
    for step, change in enumerate([{}, FLAT, {}, FLAT, FLAT, FLAT], 1):
        health.check(SOUND | change | {"step": step, "groups": 100})
    assert [(step, v.state) for step, v in health.reasons] == [(2, "warn"), (3, "ok"), (4, "warn"), (5, "halt")]


def test_a_continued_run_that_checks_its_old_records_goes_on_the_same():
    records = [SOUND | change for change in [{}] * 3 + [{"sampled_entropy": 7.0}] * 2]
    whole, again = Health(HealthSettings()), Health(HealthSettings())
    first = [whole.check(record) for record in records]
    for record in records[:4]:
        again.check(record)
    assert again.check(records[4]) == first[4] and again.reasons == whole.reasons
