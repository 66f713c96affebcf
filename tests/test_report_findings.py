"""What a report says of a run's health: each fault is found, and a sound run has none."""

from __future__ import annotations

import pytest

from aha.record import load_run
from aha.report.changes import changes, ends
from aha.report.findings import health
from tests.test_report import evaluation, metric, write_run

SOUND = {"skipped_updates": 0.0, "kl": 0.01, "trained_tokens": 30_000}


def found(tmp_path, evals=(), steps=60, **curves):
    """The findings of a run whose records are sound but for some curves, functions of the step."""
    rows = [metric(step) | SOUND | {key: curve(step) for key, curve in curves.items()} for step in range(steps)]
    return {one.title: one for one in health(load_run(write_run(tmp_path / "run", rows, evals)))}


def test_a_sound_run_has_nothing_to_object_to(tmp_path):
    said = found(tmp_path, [evaluation(0, 0.3), evaluation(59, 0.6)])
    assert {one.level for one in said.values()} == {"good"} and len(said) >= 9


@pytest.mark.parametrize(
    ("title", "says", "curves"),
    [
        ("Entropy:", "hardly vary", {"entropy": lambda step: 0.8 if step < 30 else 0.05}),
        ("Cut off:", "raise grpo.max_tokens", {"truncated": lambda step: step / 400}),
        ("Signal:", "within every group all replies earn the same", {"zero_signal": lambda step: 1.0 if step == 40 else 0.2}),
        ("Signal:", "take harder problems", {"zero_signal": lambda step: step / 70}),
        ("Distance:", "leaps at step 40", {"kl": lambda step: 0.9 if step == 40 else 0.01}),
        ("Graders:", "60 replies of 30,720", {"failed": lambda step: 1}),
        ("Updates:", "the update was dropped", {"skipped_updates": lambda step: float(step == 9)}),
        ("Languages:", "mix two languages", {"mixed_language": lambda step: step / 100}),
        ("Time:", "Graders take long", {"seconds/reward": lambda step: 4.0}),
        ("Time:", "Far slower: step 33", {"seconds/step": lambda step: 90.0 if step == 33 else 7.8}),
        ("Time:", "2.0 times as long", {"seconds/step": lambda step: 5.0 if step < 30 else 10.0}),
        ("Sampler against trainer:", "sampler and trainer disagree", {"gap_first": lambda step: 0.01 + 0.1 * (step == 50)}),
        ("Policy:", "thrown off", {"grad_norm": lambda step: 30.0 if step == 50 else 0.3}),
    ],
)  # fmt: skip
def test_a_fault_is_found_with_where_and_what_to_do(tmp_path, title, says, curves):
    one = found(tmp_path, **curves)[title]
    assert one.level in ("watch", "problem") and says in one.words


def test_a_learned_reward_that_rises_while_the_strict_rule_falls_is_told(tmp_path):
    said = found(
        tmp_path, **{"reward/preferred": lambda step: step / 60, "reward/strict": lambda step: 0.5 - step / 200}
    )
    assert "deceived" in said["Learned reward:"].words and said["Learned reward:"].level != "good"


def test_an_earlier_evaluation_that_was_better_is_told(tmp_path):
    one = found(tmp_path, [evaluation(0, 0.3), evaluation(30, 0.7), evaluation(59, 0.5)])[
        "Last against earlier evaluations:"
    ]
    assert "better at step 30 (70.0%) than at the end (50.0%)" in one.words


def test_the_worst_stands_first(tmp_path):
    said = list(found(tmp_path, failed=lambda step: 100, truncated=lambda step: 0.06).values())
    levels = ["problem", "watch", "good"]
    assert [one.level for one in said] == sorted((one.level for one in said), key=levels.index)


def test_what_was_not_recorded_is_not_judged(tmp_path):
    assert health(load_run(write_run(tmp_path / "run", [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]))) == []
    [one] = changes(load_run(tmp_path / "run"))
    assert (one.title, one.words) == ("Loss fell:", "from 2 to 1 nats a token.")


def test_ends_are_means_of_a_tenth():
    assert ends([{"step": i, "x": i} for i in range(100)], "x") == (4.5, 94.5)
    assert ends([{"step": 0, "x": 3}], "x") == (3, 3) and ends([], "x") is None
