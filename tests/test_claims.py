"""The verdict rule and what leads to it, on numbers worked out by hand; the short form from end to end."""

from __future__ import annotations

import json
import tomllib
from math import inf
from pathlib import Path

import pytest

from aha.chat import parse_reply
from aha.config import load
from aha.errors import ConfigError, DataError, RunError
from aha.evaluate import Evaluation
from aha.pipeline import arms as arms_module
from aha.pipeline import claims_run
from aha.pipeline.arms import Arms, after_examples, best, guessed
from aha.pipeline.claims import CLAIMS, NOT_LIFTED, SMALL_COST, UP, Cell, Claim, Part, all_of, change, verdict
from aha.pipeline.claims_page import as_json, as_lines, as_markdown, here, region
from aha.pipeline.recipe_claims import Claims
from aha.pipeline.runner import Stage
from aha.pipeline.table import by_question
from aha.pipeline.verdicts import Readings, interval, judge, measure
from aha.pipeline.world import Exam
from aha.stats import Interval
from aha.tasks.countdown import countdown
from aha.types import Completion, Score
from tests.toys import quiet_screen

ROOT = Path(__file__).parents[1]
PUZZLE = "countdown, 3 numbers"


def test_the_claims_are_measured_on_the_laptop_recipe():
    laptop, claims = (tomllib.loads((ROOT / "recipes" / f"{name}.toml").read_text()) for name in ("laptop", "claims"))
    assert [stage for stage in laptop if stage not in ("recipe", "out") and laptop[stage] != claims.get(stage)] == []


@pytest.mark.parametrize(("low", "high", "said"), [
    (0.01, 0.20, "holds"), (-0.01, 0.20, "undecided"), (-0.20, -0.01, "does not hold"), (-0.20, 0.0, "does not hold"),
])  # fmt: skip
def test_a_rise_holds_when_the_whole_interval_is_above_zero(low, high, said):
    assert verdict(Interval((low + high) / 2, low, high), UP) == said


@pytest.mark.parametrize(("low", "high", "said"), [
    (-0.04, 0.03, "holds"), (-0.06, 0.03, "undecided"), (-0.30, -0.06, "does not hold"), (0.10, 0.20, "holds"),
])  # fmt: skip
def test_a_small_cost_holds_within_its_margin(low, high, said):
    assert verdict(Interval(0.0, low, high), SMALL_COST) == said


@pytest.mark.parametrize(("low", "high", "said"), [
    (-0.04, 0.04, "holds"), (-0.04, 0.06, "undecided"), (0.05, 0.20, "does not hold"), (-0.30, -0.06, "does not hold"),
])  # fmt: skip
def test_equality_needs_an_interval_inside_both_margins(low, high, said):
    assert verdict(Interval(0.0, low, high), (-0.05, 0.05)) == said


def test_without_an_interval_nothing_is_decided():
    assert verdict(None, UP) == "undecided"


def test_a_claim_holds_when_all_its_parts_do():
    def both(*verdicts):
        return all_of([("part", verdict) for verdict in verdicts])

    assert both("holds", "holds") == "holds"
    assert both("holds", "undecided") == "undecided"
    assert both("undecided", "not measured") == "not measured"
    assert both("not measured", "does not hold") == "does not hold"


def test_a_premise_that_fails_leaves_a_claim_undecided():
    assert all_of([("part", "holds"), ("premise", "does not hold")]) == "undecided"
    assert all_of([("part", "does not hold"), ("premise", "holds")]) == "does not hold"
    assert all_of([("part", "holds"), ("premise", "not measured")]) == "not measured"


def test_what_stands_beside_decides_nothing():
    assert all_of([("part", "holds"), ("beside", "does not hold"), ("beside", "not measured")]) == "holds"


def test_one_seed_has_the_interval_of_its_questions():
    found = interval([[0.0, 0.0, 0.5, 0.5]], share=True)
    assert found.mean == 0.25
    assert found.low == pytest.approx(0.25 - 3.18245 * 0.288675 / 2, abs=1e-4)  # Student, 3 degrees of freedom


def test_three_seeds_that_differ_widen_it():
    moved_SQ = [[m - 0.01, m + 0.01, m - 0.01, m + 0.01] for m in (0.2, 0.3, 0.4)]
    found = interval(moved_SQ, share=True)
    assert found.mean == pytest.approx(0.3)
    assert found.high - 0.3 == pytest.approx(4.30265 * 0.1 / 3**0.5, abs=1e-4)  # 2 degrees of freedom


def test_seeds_that_agree_do_not_hide_that_questions_differ():
    row = [0.0, 0.0, 0.5, 0.5]
    assert interval([row] * 3, share=True) == interval([row], share=True)


def test_a_share_that_moves_nowhere_is_not_known_exactly():
    found = interval([[0.0] * 10], share=True)
    assert found.mean == 0 and found.low == pytest.approx(-0.2775, abs=1e-3)  # Wilson, 0 of 10


def test_a_count_that_moves_alike_everywhere_has_no_interval():
    assert interval([[2.0, 2.0]], share=False) is None


def columns(**values):
    return {"id": [f"q{i}" for i in range(len(next(iter(values.values()))))]} | values


def reading(seed=0, missing=None, **models):
    results = {(model, "tries"): {PUZZLE: columns(**told)} for model, told in models.items()}
    behind = {sat: {"zero": 60.0, f"exam-{sat[0]}": 30.0} for sat in results}
    return Readings(seed, results, missing or {}, behind)


RISE = change("pass@1", "base", "zero", UP, "15.6 → 71.0")


def test_a_part_pairs_the_same_questions():
    base, zero = columns(correct=[0.0, 0.5, 1.0]), columns(correct=[1.0, 0.5])
    zero["id"] = ["q1", "q0"]  # the grader failed on one, and order is no matter
    found = measure(RISE, [Readings(0, {("base", "tries"): {PUZZLE: base}, ("zero", "tries"): {PUZZLE: zero}}, {}, {})])
    assert (found.questions, found.before, found.after, found.found.mean) == (2, 0.25, 0.75, 0.5)


def test_a_vote_is_compared_with_the_same_models_replies():
    part = Part("votes", Cell("zero"), Cell("zero", "vote"), UP)
    found = measure(part, [reading(zero={"correct": [0.6, 0.7, 0.8, 0.7], "vote": [1.0, 1.0, 1.0, 1.0]})])
    assert found.found.mean == pytest.approx(0.3) and found.verdict == "holds"


def test_reasoning_is_every_evaluation_that_is_not_general():
    def sat(value):
        return {"arithmetic": columns(correct=[value]), PUZZLE: columns(correct=[0.0]), "fact": columns(correct=[0.9])}

    results = {("base", "exam"): sat(0.0), ("zero", "exam"): sat(1.0)}
    part = change("all", "base", "zero", UP, exam="reasoning", sitting="exam")
    found = measure(part, [Readings(0, results, {}, {})])
    assert (found.questions, found.found.mean) == (2, 0.5)


def test_what_failed_is_told_and_the_other_seeds_count():
    told = {"correct": [0.0, 0.1, 0.2]}
    fine, broken = reading(0, base=told, zero=told), reading(1, {("zero", "tries"): "zero: no memory"}, base=told)
    found = measure(RISE, [fine, broken])
    assert found.why == "seed 1: zero: no memory" and list(found.by_seed) == [0]
    assert measure(RISE, [broken]).verdict == "not measured"


def example(before, after):
    seeds = [reading(base={"correct": before}, zero={"correct": after})]
    other = change("never", "base", "nobody", NOT_LIFTED, role="beside")
    return judge([Claim("pure-rl", "Reinforcement lifts", (RISE, other))], seeds)


def test_what_stands_beside_is_shown():
    [row] = example([0.0, 0.1, 0.2, 0.1], [0.6, 0.7, 0.9, 0.7])
    assert row.verdict == "holds" and [found.verdict for found in row.parts] == ["holds", "not measured"]
    assert row.minutes == 2.0  # zero once, and both exams


def test_the_table_tells_paper_ours_interval_and_verdict():
    told = example([0.0, 0.1, 0.2, 0.1], [0.6, 0.7, 0.9, 0.7])
    assert here(told[0].parts[0]) == "10.0 → 72.5, +62.5 (+54.5 to +70.5) points, 1 seed x 4 questions"
    page, lines = as_markdown(told, Claims()), "\n".join(as_lines(told))
    for text in (page, lines):
        assert "15.6 → 71.0" in text and "+62.5 (+54.5 to +70.5)" in text and "nobody took no tries" in text
    record = json.loads(as_json(told, Claims()))["claims"][0]
    assert record["verdict"] == "holds" and record["parts"][0]["by_seed"] == {"0": pytest.approx(0.625)}
    assert record["parts"][1]["low"] is None and record["parts"][1]["why"]


def test_the_region_is_told_in_words():
    assert region(RISE) == "above 0" and region(change("", "a", "b", SMALL_COST)) == "above -5 points"
    assert region(change("", "a", "b", (-inf, 3.0), column="length")) == "below 3"


def test_every_claim_has_a_name_a_figure_of_the_paper_and_a_part_that_decides():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS) == 15
    for claim in CLAIMS:
        assert any(part.role == "part" for part in claim.parts) and claim.parts[0].paper


class Notes:
    screen = quiet_screen()


def stage(name):
    return Stage(name, Path(name), name, {"inputs": {}})


def test_an_arm_that_fails_takes_only_its_own_with_it():
    def fails(_):
        raise DataError("nothing is left")

    arms = Arms(Notes(), {"base": stage("base")}, "the recipe stopped: no disk")
    arms.make("cold", "base", by=fails)
    arms.make("dev1", "base", "cold", by=lambda base, cold: stage("dev1"))
    arms.make("free", "dev9", by=stage)
    arms.make("zero", "base", by=lambda base: stage("zero"))
    assert list(arms.stages) == ["base", "zero"]
    assert arms.missing == {
        "cold": "cold: nothing is left", "dev1": "cold: nothing is left", "free": "no dev9: the recipe stopped: no disk",
    }  # fmt: skip


def test_a_run_folder_in_use_stops_everything():
    def locked(_):
        raise RunError("in use")

    with pytest.raises(RunError):
        Arms(Notes(), {"base": stage("base")}, "").make("zero", "base", by=locked)


def test_the_curated_part_prefers_verification_then_length_and_no_prompt_twice():
    def row(prompt, thinking, domain="countdown"):
        return {"prompt": prompt, "reply": f"<think>{thinking}</think><answer>1</answer>", "domain": domain}

    rows = [row("a", "1 + 1 = 2, 2 + 2 = 4"), row("a", "wait, 1 = 1"), row("b", "2"), row("c", "3 + 3 = 6"),
            row("d", "", "general")]  # fmt: skip
    kept = best(rows, 0.5)
    assert [row["prompt"] for row in kept] == ["a", "c", "d"] and "wait" in kept[0]["reply"]


def test_guesses_use_the_numbers_and_work_nothing_out():
    examples = guessed([3], 8, seed=1)
    assert {example.language for example in examples} == {"en", "zh"}
    for example in examples:
        reply = parse_reply(example.reply)
        assert reply is not None and "=" not in reply.thinking
        assert all(number in example.prompt for number in reply.answer.replace("(", " ").replace(")", " ").split()[::2])


def test_solved_examples_stand_before_the_same_question():
    task = countdown((3,), test_count=2)
    none, one, three = after_examples(task, task.test)
    assert [problem.prompt for problem in none.problems] == [problem.prompt for problem in task.test]
    for k, exam in ((1, one), (3, three)):
        for asked, problem in zip(exam.problems, task.test, strict=True):
            assert asked.prompt.endswith(f"<|end|>\n{problem.prompt}") and asked.prompt.count("<answer>") == k
            assert asked.id == problem.id and asked.prompt.count(problem.prompt) == 1


def test_results_by_question_leave_out_what_could_not_be_graded():
    task = countdown((3,), test_count=2)
    right = Completion(task.test[0].solution, token_ids=[1] * 10)
    wrong = Completion("<think>wait, 等等</think><answer>1</answer>", token_ids=[1] * 30)
    graded = [Score(1.0, {"correct": 1.0}), Score(0.0, {"correct": 0.0})]
    failed = [Score(None, {"correct": None})] * 2
    result = Evaluation(task.test, [[right, wrong], [wrong, wrong]], [graded, failed], {})
    found = by_question(Exam("x", task, task.test), result)
    assert found["id"] == [task.test[0].id]
    means = {name: found[name][0] for name in ("correct", "vote", "pass@n", "length", "reflection", "reflection_rate")}
    assert means == {"correct": 0.5, "vote": 0.5, "pass@n": 1.0, "length": 20, "reflection": 1, "reflection_rate": 5}
    assert found["mixed_language"] == [0.5] and found["own_language"] == [pytest.approx(0.6667, abs=1e-3)]


@pytest.mark.parametrize("name", ["claims", "claims-short"])
def test_the_shipped_recipes_fit_their_settings(name):
    assert load(Claims, ROOT / "recipes" / f"{name}.toml").student == "mini-llama"


@pytest.mark.parametrize(("words", "said"), [
    (["--student=half"], "not among students"), (["--seed=1"], "seeds=[...]"), (["--seeds=[1, 1]"], "twice"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(words, said):
    with pytest.raises(ConfigError, match=said.replace("[", r"\[").replace("]", r"\]")):
        load(Claims, None, words)


@pytest.mark.slow
def test_the_short_form_tells_every_claim_and_does_nothing_twice(tmp_path, monkeypatch):
    settings = load(Claims, ROOT / "recipes" / "claims-short.toml", [f"--out={tmp_path}", "--threads=1"])
    monkeypatch.setattr(arms_module, "best", lambda rows, share: [])  # one arm fails
    folder = claims_run.claims(settings, quiet_screen())
    told = {row["name"]: row for row in json.loads((folder / "claims.json").read_text())["claims"]}
    assert [name for name, row in told.items() if row["verdict"] == "not measured"] == ["curated"]
    assert "curated" in told["curated"]["parts"][0]["why"]
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("stage.json")}
    claims_run.claims(settings, quiet_screen())
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("stage.json")} == before
