"""Grading beside sampling: groups in their own threads, late ones without scores, errors where they belong."""

from __future__ import annotations

import threading
import time

import pytest

from aha.rewards.grading import Grading
from aha.rewards.rubric import Rubric
from aha.types import Completion, Problem


def graded(reward, texts, **settings):
    grading = Grading(Rubric((1.0, reward)), **settings)
    jobs = [grading.submit(Problem(text), [Completion(text)]) for text in texts]
    found = [grading.scores(job)[0] for job in jobs]
    grading.close()
    return found


def test_groups_are_graded_side_by_side_and_come_back_in_order():
    together = threading.Barrier(3, timeout=20)

    def length(problem, group):
        together.wait()
        return [len(completion.text) for completion in group]

    assert [score.total for score in graded(length, ["a", "bb", "ccc"], workers=3)] == [1, 2, 3]


def test_a_late_grader_is_no_zero_and_others_go_on():
    def slow(problem, group):
        time.sleep(5 if problem.prompt == "slow" else 0)
        return [1.0]

    found = graded(slow, ["slow", "quick"], workers=1, limit=0.2)
    assert found[0].total is None and "longer than 0.2 s" in found[0].reason and found[1].total == 1.0


def test_a_late_reward_costs_its_own_part_only():
    hang = threading.Event()

    def slow(problem, group):
        hang.wait(20)
        return [1.0]

    def quick(problem, group):
        return [0.5]

    grading = Grading(Rubric((1.0, slow), (1.0, quick)), workers=1, limit=0.2)
    [score] = grading.scores(grading.submit(Problem("?"), [Completion("")]))
    hang.set()
    assert score.total is None and score.parts == {"slow": None, "quick": 0.5} and "slow took longer" in score.reason


def test_a_reward_may_say_that_it_needs_longer():
    def judged(problem, group):
        time.sleep(0.5)
        return [1.0]

    judged.limit = 20
    assert graded(judged, ["a"], limit=0.1)[0].total == 1.0


def test_a_reward_that_raises_stops_the_run():
    def broken(problem, group):
        raise ZeroDivisionError("in the reward")

    with pytest.raises(ZeroDivisionError, match="in the reward"):
        graded(broken, ["a"])
