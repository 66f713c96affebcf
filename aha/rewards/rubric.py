"""A rubric: weighted rewards, called on a problem and its group of replies.

    @each
    def is_short(problem, completion):
        return len(completion.token_ids) < 200

    rubric = Rubric((1.0, correct), (0.1, is_short))
    scores = rubric(problem, group)

A reward is a plain function and its name is its curve on the plot. A grader may say why a reply fell short by
returning `(value, reason)`. It returns None where the grader itself failed; the reply then has no total, which is
not a zero. It returns SKIPPED for a reply that is none of its business. An exception in a reward is a bug in the
reward, so it propagates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from numbers import Real
from typing import Any, Final, Protocol

from aha.errors import DataError
from aha.types import Completion, Problem, Score

Grade = float | None | tuple[float | None, str]
"""What one reply earned, with the reason it fell short where the grader gives one."""

Part = tuple[float | None, str]
"""A grade that was read: value and reason."""

SKIPPED: Final[Part] = (None, "does not apply")
"""The grade of a reply that a reward has nothing to say about: it has no such part, and the others make its total.

Any other None is a grader that failed.
"""

Grader = Callable[[Problem, Completion], Grade]
GroupGrader = Callable[[Problem, Sequence[Completion]], Sequence[Grade]]
"""A `Reward` whose values may carry reasons; every plain `Reward` is one."""


Weighted = tuple[float, GroupGrader]


class Rater(Protocol):
    """What grades a group whole: a Rubric, or rubrics put together."""

    names: tuple[str, ...]
    """Of all rewards that a reply's score may have as parts."""

    def weighted(self, problem: Problem) -> Sequence[Weighted]:
        """The rewards that grade the replies to a problem."""
        ...

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]:
        """Grade every reply."""
        ...


def each(grade: Grader) -> GroupGrader:
    """Lift a grader of one reply to a reward over the whole group, under the grader's name."""

    @wraps(grade)
    def reward(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        return [grade(problem, completion) for completion in group]

    return reward


def graded(reward: GroupGrader, problem: Problem, group: Sequence[Completion]) -> list[Part]:
    """What one reward says of every reply. Raises DataError, naming reward and problem, for values that are no grades."""
    name, grades = name_of(reward), reward(problem, group)
    if not isinstance(grades, Iterable) or isinstance(grades, str | bytes | Mapping | set | frozenset):
        kind = type(grades).__name__
        raise DataError(
            f"reward {name!r} returned a {kind}, not one value for each reply; mark a grader of one reply with @each"
        )
    parts = [_read(name, grade, problem) for grade in grades]
    if len(parts) != len(group):
        raise DataError(f"reward {name!r} returned {len(parts)} values for {len(group)} replies{_to(problem)}")
    return parts


def scores(weighted: Sequence[Weighted], columns: Sequence[Sequence[Part]]) -> list[Score]:
    """The score of every reply, from each reward's column of parts. A reply no reward applies to has no total."""
    names, weights = [name_of(reward) for _, reward in weighted], [weight for weight, _ in weighted]
    return [_score(names, weights, row) for row in zip(*columns, strict=True)]


def _score(names: Sequence[str], weights: Sequence[float], row: Sequence[Part]) -> Score:
    told = [(name, weight, part) for name, weight, part in zip(names, weights, row, strict=True) if part is not SKIPPED]
    total: float | None = 0.0
    why = ""
    for _, weight, (value, reason) in told:
        if weight == 0:
            continue
        total = None if total is None or value is None else total + weight * value
        if value is None or value < 1:  # a part is earned at 1, and then its reason explains nothing
            why = why or reason
    if any(weights) and not any(weight for _, weight, _ in told):
        total, why = None, "no reward applies"
    return Score(total, {name: value for name, _, (value, _) in told}, why)


class Rubric:
    """`Rubric((1.0, correct), (0.1, formatted))`: one Score for each reply of a group.

    A reward of weight 0 is only watched: its part is kept, but neither its None nor its reason touches the total.
    """

    def __init__(self, *weighted: Weighted) -> None:
        if not weighted:
            raise ValueError("a rubric needs at least one reward, such as Rubric((1.0, correct))")
        self.names = tuple(name_of(reward) for _, reward in weighted)
        self._weighted = tuple((float(weight), reward) for weight, reward in weighted)
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"two rewards share a name, so their parts cannot be told apart: {', '.join(self.names)}")
        for name, (weight, _) in zip(self.names, self._weighted, strict=True):
            if not math.isfinite(weight):
                raise ValueError(f"the weight of reward {name!r} is {weight}, not a finite number")

    def weighted(self, problem: Problem) -> Sequence[Weighted]:
        """All of them, whatever the problem."""
        return self._weighted

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]:
        """Grade every reply. Raises DataError, naming the reward, for values that are no grades."""
        return scores(self._weighted, [graded(reward, problem, group) for _, reward in self._weighted])

    def __repr__(self) -> str:
        inside = (f"({weight:g}, {name_of(reward)})" for weight, reward in self._weighted)
        return f"Rubric({', '.join(inside)})"


class Added:
    """A rubric with further rewards beside it: totals are added, parts are put together."""

    def __init__(self, first: Rater, second: Rater) -> None:
        self.first, self.second = first, second
        self.names = (*first.names, *second.names)

    def weighted(self, problem: Problem) -> Sequence[Weighted]:
        """The first one's, then the second one's."""
        return (*self.first.weighted(problem), *self.second.weighted(problem))

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]:
        """Grade every reply."""
        weighted = self.weighted(problem)
        return scores(weighted, [graded(reward, problem, group) for _, reward in weighted])


def name_of(reward: Any) -> str:
    """What a reward's curve is called."""
    while isinstance(reward, partial):
        reward = reward.func
    return getattr(reward, "__name__", None) or type(reward).__name__


def _to(problem: Problem) -> str:
    return f" to problem {problem.id!r}" if problem.id else ""


def _read(name: str, grade: Any, problem: Problem) -> Part:
    """A grade as (value, reason). True and False are 1 and 0, so that a test can be a reward."""
    if grade is SKIPPED:
        return SKIPPED
    value, reason = grade if isinstance(grade, tuple) and len(grade) == 2 else (grade, "")
    if not isinstance(reason, str):
        raise DataError(f"reward {name!r} gave a {type(reason).__name__} as its reason, not text")
    if value is None:
        return None, reason
    if not isinstance(value, Real) and type(value).__name__ != "bool":  # numpy's own bool is no number
        raise DataError(
            f"reward {name!r} gave a {type(value).__name__} for a reply{_to(problem)}, not a number or None"
        )
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DataError(
            f"reward {name!r} gave {number} for a reply{_to(problem)}, not a finite number; a grader that failed gives None"
        )
    return number, reason
