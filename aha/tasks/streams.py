"""Endless streams of problems: the rule that the generated tasks of the embedded world share.

Problem i of a stream depends on the task's settings, the seed and i alone. Each problem has a key, equal for problems
that are the same in substance; the key alone says whether it is for testing, so training never meets a test problem.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from aha.errors import ConfigError
from aha.split import is_key_held_out
from aha.types import Problem

Language = Literal["en", "zh"]
Split = Literal["train", "test"]

_TRIES = 10_000  # a tenth of all problems is held out, so this many without one means that there is none
_IDLE = 200  # draws without a new test question before there are thought to be no more


def check_languages(languages: Sequence[str]) -> None:
    """Raise ConfigError for a language that no question is asked in, or for none at all."""
    known = get_args(Language)
    if isinstance(languages, str) or not languages or set(languages) - set(known):
        raise ConfigError(f"languages = {languages!r}: give a list of some of {', '.join(known)}")


def check_count(name: str, count: int) -> None:
    """Raise ConfigError for a negative number of problems."""
    if count < 0:
        raise ConfigError(f"{name} = {count}: a number of problems is not negative")


@dataclass(frozen=True, slots=True)
class Stream:
    """A way to make problems, and what tells two of them apart.

    >>> Stream("arithmetic", make, key_of).draw(2, seed=7)  # arithmetic/train/7/0 and arithmetic/train/7/1
    """

    name: str
    make: Callable[[random.Random], Problem]
    """One problem, whatever its split."""
    key_of: Callable[[Problem], str]
    """What makes two problems the same; a problem without a key is never held out."""

    def split_of(self, problem: Problem) -> Split:
        """Where a problem belongs, whoever draws it."""
        key = self.key_of(problem)
        return "test" if key and is_key_held_out(f"{self.name}:{key}") else "train"

    def draw(self, count: int, seed: int) -> list[Problem]:
        """The first `count` training problems of the stream `seed`; one may come twice. Raises ConfigError if negative."""
        check_count("count", count)
        return [self._at(i, seed, "train") for i in range(count)]

    def test(self, count: int, seed: int) -> list[Problem]:
        """At most `count` test problems, no question twice; fewer where the settings allow no more."""
        check_count("test_count", count)
        once: dict[str, Problem] = {}
        i = idle = 0
        while len(once) < count and idle < _IDLE:
            problem = self._at(i, seed, "test")
            idle = idle + 1 if problem.prompt in once else 0
            once.setdefault(problem.prompt, problem)
            i += 1
        return list(once.values())

    def _at(self, i: int, seed: int, split: Split) -> Problem:
        rng = random.Random(f"{self.name} {split} {seed} {i}")
        for _ in range(_TRIES):
            problem = self.make(rng)
            if self.split_of(problem) == split:
                return replace(problem, id=f"{self.name}/{split}/{seed}/{i}")
        raise ConfigError(f"the settings of {self.name} leave nothing to {split} on; allow more")
