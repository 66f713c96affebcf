"""A rubric: weighted rewards, called on a problem and its group of replies.

    @each
    def is_short(problem, completion):
        return len(completion.token_ids) < 200

    rubric = Rubric((1.0, correct), (0.1, is_short))
    scores = rubric(problem, group)

A reward is a plain function and its name is its curve on the plot. A grader may say why a reply fell short by
returning `(value, reason)`. It returns None where the grader itself failed; the reply then has no total, which is
not a zero. An exception in a reward is a bug in the reward, so it propagates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, wraps
from numbers import Real
from typing import Any, Protocol

from aha.errors import DataError
from aha.types import Completion, Problem, Score

Grade = float | None | tuple[float | None, str]
"""What one reply earned, with the reason it fell short where the grader gives one."""

Grader = Callable[[Problem, Completion], Grade]
GroupGrader = Callable[[Problem, Sequence[Completion]], Sequence[Grade]]
"""A `Reward` whose values may carry reasons; every plain `Reward` is one."""


class Rater(Protocol):
    """What grades a group whole: a Rubric, or rubrics put together."""

    names: tuple[str, ...]

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]: ...


def each(grade: Grader) -> GroupGrader:
    """Lift a grader of one reply to a reward over the whole group, under the grader's name."""

    @wraps(grade)
    def reward(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        return [grade(problem, completion) for completion in group]

    return reward


class Rubric:
    """`Rubric((1.0, correct), (0.1, formatted))`: one Score for each reply of a group.

    A reward of weight 0 is only watched: its part is kept, but neither its failure nor its reason touches the total.
    """

    def __init__(self, *weighted: tuple[float, GroupGrader]) -> None:
        if not weighted:
            raise ValueError("a rubric needs at least one reward, such as Rubric((1.0, correct))")
        self.names = tuple(_name(reward) for _, reward in weighted)
        self.weights = tuple(float(weight) for weight, _ in weighted)
        self.rewards = tuple(reward for _, reward in weighted)
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"two rewards share a name, so their parts cannot be told apart: {', '.join(self.names)}")
        for name, weight in zip(self.names, self.weights, strict=True):
            if not math.isfinite(weight):
                raise ValueError(f"the weight of reward {name!r} is {weight}, not a finite number")

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]:
        """Grade every reply. Raises DataError, naming the reward, for values that are no grades."""
        named = zip(self.names, self.rewards, strict=True)
        columns = [_column(name, reward(problem, group), len(group)) for name, reward in named]
        return [self._score(row) for row in zip(*columns, strict=True)]

    def _score(self, row: Sequence[tuple[float | None, str]]) -> Score:
        total: float | None = 0.0
        why = ""
        for weight, (value, reason) in zip(self.weights, row, strict=True):
            if weight == 0:
                continue
            total = None if total is None or value is None else total + weight * value
            if value is None or value < 1:  # a part is earned at 1, and then its reason explains nothing
                why = why or reason
        parts = {name: value for name, (value, _) in zip(self.names, row, strict=True)}
        return Score(total, parts, why)

    def __repr__(self) -> str:
        inside = (f"({weight:g}, {name})" for weight, name in zip(self.weights, self.names, strict=True))
        return f"Rubric({', '.join(inside)})"


class Added:
    """A rubric with further rewards beside it: totals are added, parts are put together."""

    def __init__(self, first: Rater, second: Rater) -> None:
        self.first, self.second = first, second
        self.names = (*first.names, *second.names)

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]:
        return [
            Score(
                None if a.total is None or b.total is None else a.total + b.total,
                a.parts | b.parts,
                a.reason or b.reason,
            )
            for a, b in zip(self.first(problem, group), self.second(problem, group), strict=True)
        ]


def _name(reward: Any) -> str:
    while isinstance(reward, partial):
        reward = reward.func
    return getattr(reward, "__name__", None) or type(reward).__name__


def _column(name: str, grades: Any, replies: int) -> list[tuple[float | None, str]]:
    try:
        grades = list(grades)
    except TypeError:
        kind = type(grades).__name__
        raise DataError(
            f"reward {name!r} returned a {kind}, not one value for each reply; mark a grader of one reply with @each"
        ) from None
    if len(grades) != replies:
        raise DataError(f"reward {name!r} returned {len(grades)} values for {replies} replies")
    return [_read(name, grade) for grade in grades]


def _read(name: str, grade: Any) -> tuple[float | None, str]:
    """A grade as (value, reason). True and False are 1 and 0, so that a test can be a reward."""
    value, reason = grade if isinstance(grade, tuple) and len(grade) == 2 else (grade, "")
    if not isinstance(reason, str):
        raise DataError(f"reward {name!r} gave a {type(reason).__name__} as its reason, not text")
    if value is None:
        return None, reason
    if not isinstance(value, Real):
        raise DataError(f"reward {name!r} gave a {type(value).__name__}, not a number or None")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DataError(f"reward {name!r} gave {number}, not a finite number; a grader that failed gives None")
    return number, reason
