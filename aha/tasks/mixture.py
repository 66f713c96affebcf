"""Several tasks as one: each problem is drawn from one of them by weight, and graded by the one it came from.

    mixture({"countdown": (3, countdown()), "countdown-zh": (1, countdown(language="zh")), "choice": (1, choices())})

A problem's id begins with the name of its task, as always; where a part has another name than its task, that comes
second: `countdown/countdown-zh/train/5/0`.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from aha.errors import ConfigError, DataError
from aha.rewards.rubric import Weighted
from aha.tasks.base import Task
from aha.tasks.streams import check_count
from aha.types import Completion, Problem, Score

Parts = Mapping[str, tuple[float, Task]]


def mixture(parts: Parts, *, test_count: int | None = None) -> Task:
    """The parts, by name, as one task; `parts` holds each one's weight, and weights need not sum to one.

    Problem i is drawn from a part that the seed and i alone decide; which of that part's problems it is depends on how
    many of the i before it came from there. The test takes the parts' tests in turns, and is cut at `test_count`.
    Raises ConfigError for no parts, a weight that is not positive, a mixture of mixtures, or two parts that cannot be
    told apart.
    """
    _check(parts)
    mixed = _Mixture({name: weight for name, (weight, _) in parts.items()}, {name: t for name, (_, t) in parts.items()})
    rounds = zip_longest(*([mixed.marked(name, p) for p in task.test] for name, task in mixed.tasks.items()))
    test = [problem for problem in chain.from_iterable(rounds) if problem is not None]
    if test_count is not None:
        check_count("test_count", test_count)
        test = test[:test_count]
    return Task("mixture", mixed.draw, test, _Rubrics(mixed), mixed.answer_of)


def _check(parts: Parts) -> None:
    if not parts:
        raise ConfigError("a mixture of no parts: give at least one task with its weight")
    for name, (weight, task) in parts.items():
        if not name or "/" in name:
            raise ConfigError(f"a part of a mixture is called {name!r}: use a name without '/'")
        if not math.isfinite(weight) or weight <= 0:
            raise ConfigError(f"the weight of {name!r} is {weight}: give a positive number, or leave the part out")
        if task.name == "mixture":
            raise ConfigError(f"{name!r} is a mixture itself: give its parts")


@dataclass(frozen=True, slots=True)
class _Mixture:
    """The parts at work."""

    weights: dict[str, float]
    tasks: dict[str, Task]

    def draw(self, count: int, seed: int) -> list[Problem]:
        """The first `count` problems of the stream `seed`. Raises ConfigError if negative."""
        check_count("count", count)
        names, weights = list(self.weights), list(self.weights.values())
        order = [random.Random(f"mixture {seed} {i}").choices(names, weights)[0] for i in range(count)]
        streams = {
            name: iter(self.tasks[name].draw(drawn, part_seed(name, seed))) for name, drawn in Counter(order).items()
        }
        return [self.marked(name, next(streams[name])) for name in order]

    def prefix(self, name: str) -> str:
        """What the id of every problem of a part begins with, and of no other part."""
        task = self.tasks[name].name
        return f"{task}/" if name == task else f"{task}/{name}/"

    def marked(self, name: str, problem: Problem) -> Problem:
        """A part's problem with an id that tells which part it is of."""
        return replace(problem, id=self.prefix(name) + problem.id.removeprefix(f"{self.tasks[name].name}/"))

    def part_of(self, problem: Problem) -> Task:
        """The task that a problem came from. Raises DataError for one that is not of this mixture."""
        found = [name for name in self.tasks if problem.id.startswith(self.prefix(name))]
        if not found:
            raise DataError(f"problem {problem.id!r} is of no part of the mixture ({', '.join(self.tasks)})")
        return self.tasks[max(found, key=lambda name: len(self.prefix(name)))]

    def answer_of(self, problem: Problem, completion: Completion) -> Hashable | None:
        """The answer a reply votes for, as its own task reads it."""
        return self.part_of(problem).answer_of(problem, completion)


class _Rubrics:
    """Grades a group by the rubric of its problem's task. A part that this one lacks is absent from the scores."""

    def __init__(self, mixed: _Mixture) -> None:
        self.mixed = mixed
        self.names = tuple(dict.fromkeys(name for task in mixed.tasks.values() for name in task.rubric.names))

    def weighted(self, problem: Problem) -> Sequence[Weighted]:
        """Those of the problem's task."""
        return self.mixed.part_of(problem).rubric.weighted(problem)

    def __call__(self, problem: Problem, group: Sequence[Completion]) -> list[Score]:
        """Grade every reply."""
        return self.mixed.part_of(problem).rubric(problem, group)


def part_seed(name: str, seed: int) -> int:
    """The seed of a part's own stream: two parts of one task, one a language each, ask different things."""
    return int.from_bytes(hashlib.blake2b(f"{name} {seed}".encode(), digest_size=4).digest(), "big")
