"""A mixture draws by weight, and every problem is graded, and every vote read, by the task it came from."""

from __future__ import annotations

from collections import Counter

import pytest

from aha.errors import ConfigError, DataError
from aha.rewards.rubric import Rubric
from aha.tasks.base import Task
from aha.tasks.countdown import countdown
from aha.tasks.mixture import mixture
from aha.types import Completion, Problem

REPLY = [Completion("x")]


def toy(name, part="correct", value=1.0, tests=2):
    """A task whose replies all earn `value` in `part` and vote for its name."""

    def draw(count, seed):
        return [Problem(f"{name} {seed} {i}", id=f"{name}/train/{seed}/{i}") for i in range(count)]

    def reward(problem, group):
        return [value] * len(group)

    reward.__name__ = part
    asked = [Problem(f"{name} test {i}", id=f"{name}/test/0/{i}") for i in range(tests)]
    return Task(name, draw, asked, Rubric((1.0, reward)), lambda problem, reply: (name, value))


def test_parts_come_by_weight_as_the_seed_and_place_alone_say():
    """Of 2,000 draws at 3 to 1 the share of the first has a standard deviation of 1 %."""
    mixed = mixture({"a": (3, toy("a")), "b": (1, toy("b"))})
    drawn = Counter(problem.id.split("/")[0] for problem in mixed.draw(2000, 0))
    assert 0.7 < drawn["a"] / 2000 < 0.8 and drawn["a"] + drawn["b"] == 2000
    assert mixed.draw(30, 4)[:7] == mixed.draw(7, 4) != mixed.draw(7, 5)
    assert len({problem.id for problem in mixed.draw(50, 1)}) == 50


def test_every_problem_is_graded_by_its_own_task():
    mixed = mixture({"a": (1, toy("a", value=0.25)), "b": (1, toy("b", part="neat", value=0.5))})
    told = {"a": {"correct": 0.25}, "b": {"neat": 0.5}}
    for problem in [*mixed.draw(20, 0), *mixed.test]:
        name = problem.id.split("/")[0]
        assert mixed.rubric(problem, REPLY)[0].parts == told[name]
        assert mixed.answer_of(problem, REPLY[0]) == (name, 0.25 if name == "a" else 0.5)
    assert mixed.name == "mixture" and mixed.rubric.names == ("correct", "neat")


def test_two_parts_of_one_task_are_told_apart():
    mixed = mixture({"a": (1, toy("a", value=0.1)), "a-zh": (1, toy("a", value=0.2)), "a-2": (1, toy("a", value=0.3))})
    values = {p.id.split("/")[1]: mixed.rubric(p, REPLY)[0].total for p in [*mixed.draw(30, 0), *mixed.test]}
    assert values == {"train": 0.1, "test": 0.1, "a-zh": 0.2, "a-2": 0.3}
    assert all(problem.id.startswith("a/") for problem in mixed.draw(30, 0))


def test_tests_are_asked_in_turns():
    parts = {"a": (1, toy("a", tests=3)), "b": (5, toy("b", tests=1))}
    assert [p.id for p in mixture(parts).test] == ["a/test/0/0", "b/test/0/0", "a/test/0/1", "a/test/0/2"]
    assert len(mixture(parts, test_count=2).test) == 2


def test_countdown_in_two_languages_asks_different_puzzles_and_grades_both():
    settings = {"numbers": (2,), "by": "expression", "test_count": 3}
    mixed = mixture(
        {"countdown-en": (1, countdown(**settings)), "countdown-zh": (1, countdown(language="zh", **settings))}
    )
    problems = mixed.draw(12, 0)
    told = {problem.answer["language"]: problem.answer["numbers"] for problem in reversed(problems)}
    assert told.keys() == {"en", "zh"} and told["en"] != told["zh"]
    assert all(mixed.rubric(problem, [Completion(problem.solution)])[0].total == 1.1 for problem in problems)


@pytest.mark.parametrize(
    "parts",
    [{}, {"a": (0, toy("a"))}, {"a": (-1, toy("a"))}, {"a": (float("nan"), toy("a"))}, {"": (1, toy("a"))},
     {"a/b": (1, toy("a"))}, {"m": (1, mixture({"a": (1, toy("a"))}))}],
    ids=range(7),
)  # fmt: skip
def test_mixtures_that_cannot_be_drawn_are_refused(parts):
    with pytest.raises(ConfigError):
        mixture(parts)


def test_a_strange_problem_and_a_negative_count_are_refused():
    mixed = mixture({"a": (1, toy("a")), "b": (1, toy("b"))})
    with pytest.raises(DataError, match=r"'c/train/0/0' is of no part of the mixture \(a, b\)"):
        mixed.rubric(Problem("", id="c/train/0/0"), REPLY)
    with pytest.raises(ConfigError, match="count = -1"):
        mixed.draw(-1, 0)
