"""Errands: every question can be read back, its solution earns full marks, and a plan keeps all purses."""

from __future__ import annotations

import re

import pytest

from aha.errors import ConfigError
from aha.rewards.judge_prompts import question_of
from aha.search.plan import Plan
from aha.search.plan_sums import Sums, chain_sums, errand_sums
from aha.tasks.errands import LONGEST, errands, read_errand
from aha.types import Completion
from tests.search_toys import Scripted
from tests.test_plan import adds

TASK = errands(steps=(1, 3, LONGEST), people=3, test_count=60)


def test_every_solution_earns_full_marks_and_its_sums_hold():
    for problem in [*TASK.test, *TASK.draw(60, 1)]:
        [score] = TASK.rubric(problem, [Completion(problem.solution)])
        assert score.parts == {"correct": 1.0, "formatted": 1.0}
        for a, op, b, c in re.findall(r"(\d+) ([+-]) (\d+) = (\d+)", problem.solution):
            assert int(c) == (int(a) + int(b) if op == "+" else int(a) - int(b)) and 1 <= int(c) <= 150


def test_every_question_is_read_back_in_both_languages():
    assert {p.answer["language"] for p in TASK.test} == {"en", "zh"}
    for problem in TASK.test:
        purses, sums, asked = read_errand(question_of(problem))
        for who, op, number in sums:
            purses[who] += number if op == "+" else -number
        assert purses[asked] == problem.answer["value"] and len(sums) >= problem.answer["steps"]


@pytest.mark.parametrize(
    "text",
    ["How are you?", "Ann has 3 coins.", "Ann has 3 coins. How many coins does Ben have?",
     "Ann has 3 coins. Ben finds 2 coins. How many coins does Ann have?", "Ann has 3 coins. Run. How many coins does Ann have?"],
)  # fmt: skip
def test_other_texts_are_no_errands(text):
    assert read_errand(text) is None and errand_sums(text) is None


def test_training_never_meets_a_test_question_and_a_draw_begins_the_same():
    numbers = {tuple(re.findall(r"\d+", p.prompt)) for p in TASK.test}
    assert not numbers & {tuple(re.findall(r"\d+", p.prompt)) for p in TASK.draw(500, 3)}
    assert TASK.draw(9, 7)[:4] == TASK.draw(4, 7) != TASK.draw(4, 8)


def test_a_plan_keeps_all_purses_on_the_scratchpad():
    engine = Scripted(adds())
    solved = Plan(Sums(errand_sums))(engine, TASK, TASK.test, 0)
    assert [s.answer for s in solved] == [p.answer["value"] for p in TASK.test]
    assert max(len(text) for texts, _ in engine.calls for text in texts) < 60


def test_what_cannot_be_asked_is_refused():
    assert chain_sums("12 apples") is None
    for make in (lambda: errands(steps=(21,)), lambda: errands(people=5), lambda: errands(("fr",))):
        with pytest.raises(ConfigError):
            make()
