"""Search trees as text: both arms end alike, the journey walks depth first, and every line of it is true."""

from __future__ import annotations

import random
import re

import pytest

from aha.models.world.countdown_text import Term
from aha.pipeline.journey import Node, children, search, trace, walk
from aha.tasks.countdown import countdown, graded, problem_of
from aha.types import Completion

SUM = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def root(*numbers):
    return Node(tuple(Term(n, str(n)) for n in numbers))


def puzzles(count=30):
    return countdown(test_count=1).draw(count, 5)


def lines_of(reply):
    return reply.partition("<think>")[2].partition("\n</think>")[0].splitlines()


def test_a_node_has_one_child_for_each_operation_that_stays_a_positive_whole_number():
    assert [child.steps for child in children(root(6, 3))] == [
        ("6 + 3 = 9",), ("6 - 3 = 3",), ("6 * 3 = 18",), ("6 / 3 = 2",),
    ]  # fmt: skip
    assert [child.steps for child in children(root(7, 7))] == [("7 + 7 = 14",), ("7 * 7 = 49",), ("7 / 7 = 1",)]


def test_equal_numbers_make_no_branch_twice():
    steps = [child.steps[0] for child in children(root(5, 5, 9))]
    assert len(steps) == len(set(steps)) == 6


def test_a_walk_is_depth_first_and_tries_the_nearest_last_operation_first():
    leaves = list(walk(random.Random(0), root(2, 3, 50), 49, trials=2))
    firsts = [leaf.steps[0] for leaf in leaves]
    assert firsts == sorted(firsts, key=firsts.index)  # a branch that is left is never entered again
    by_branch = [leaf.table[0].value for leaf in leaves if leaf.steps[0] == "3 - 2 = 1"]
    assert by_branch == [49, 50]


def test_a_search_ends_at_the_first_right_leaf_and_keeps_its_limit():
    leaves = search(random.Random(0), [44, 19, 35], 98, trials=1, branches=3)
    assert [leaf.table[0].value == 98 for leaf in leaves] == [False] * (len(leaves) - 1) + [True]
    assert len(leaves) <= 4
    assert search(random.Random(0), [1, 1, 1], 90, trials=9, branches=99) is None


def test_both_arms_of_a_puzzle_are_right_and_end_alike():
    for problem in puzzles():
        if found := trace(problem, 0, 2, 12):
            for reply in (found.shortcut, found.journey):
                assert graded()(problem, [Completion(reply)])[0].total == 1.1
            assert found.journey.endswith(found.shortcut.removeprefix("<think>"))


def test_a_journey_has_its_wrong_branches_and_the_shortcut_none():
    found = [found for problem in puzzles() if (found := trace(problem, 0, 2, 12))]
    assert max(f.branches for f in found) > 1
    for f in found:
        verdicts = [line.rsplit(" ", 1)[1] for line in lines_of(f.journey)]
        assert verdicts == ["no"] * f.branches + ["yes"]
        assert len(lines_of(f.shortcut)) == 1


def test_every_line_of_a_journey_is_true_and_ends_off_the_target():
    for problem in puzzles():
        for line in lines_of(trace(problem, 0, 1, 12).journey) if trace(problem, 0, 1, 12) else []:
            sums = SUM.findall(line)
            assert all(eval(f"{a} {op} {b}") == int(value) for a, op, b, value in sums)
            assert (int(sums[-1][3]) == problem.answer["target"]) == line.endswith("yes")


def test_going_back_to_the_root_is_said_and_a_sibling_is_not():
    for problem in puzzles():
        found = trace(problem, 0, 2, 12)
        lines = lines_of(found.journey) if found else []
        for before, line in zip(lines, lines[1:], strict=False):
            same = SUM.findall(before)[0] == SUM.findall(line)[0]
            assert line[0].isdigit() == same


@pytest.mark.parametrize(("language", "yes"), [("en", "yes"), ("zh", "对")])
def test_a_trace_speaks_the_language_of_its_question_and_is_the_same_each_time(language, yes):
    problem = problem_of([44, 19, 35], 98, None, "countdown/train/0/0", language)
    found = trace(problem, 0, 1, 12)
    assert lines_of(found.journey)[-1].endswith(yes)
    assert found == trace(problem, 0, 1, 12)
