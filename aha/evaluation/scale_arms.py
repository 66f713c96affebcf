"""Which ways of answering `aha scale` runs: choices among samples that are drawn once, and strategies that are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from aha.errors import ConfigError
from aha.search.parse import Scorers
from aha.search.select import Choose, best, length_weighted, majority, shortest, weighted
from aha.search.types import Strategy

SHORTEST = 3
"""The m of short-m@n (arXiv 2505.17813)."""
WIDTH = 4
"""Ways in which a search goes on from one place."""
TREES = ("beam", "dvts", "lookahead", "mcts")
"""Methods that draw step by step. Their partial replies are not kept in the pool: there are many and none is asked for twice."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How answers are drawn; the same for every method, apart from those that are greedy by nature."""

    samples: int = 64
    max_tokens: int = 512
    temperature: float = 0.6
    top_p: float = 1.0
    seed: int = 0
    searches: tuple[int, ...] = (4, 16)
    """Sizes of beam searches and tree searches."""
    methods: tuple[str, ...] = ()
    """Only these; empty takes all. The samples themselves are always among them."""

    def __post_init__(self) -> None:
        for name, value in (("samples", self.samples), ("max_tokens", self.max_tokens)):
            if value < 1:
                raise ConfigError(f"{name} = {value}: give 1 or more")
        odd = [n for n in self.searches if n < WIDTH or n % WIDTH]
        if odd:
            raise ConfigError(f"searches of {odd}: give multiples of {WIDTH}, the ways in which a search goes on")

    @property
    def sizes(self) -> list[int]:
        """Powers of two up to the number of samples, and that number."""
        return sorted({*(2**i for i in range(self.samples.bit_length())), self.samples})

    @property
    def drawing(self) -> str:
        """The settings of a sampled strategy, as people write them."""
        return f"max_tokens={self.max_tokens},temperature={self.temperature:g},top_p={self.top_p:g}"


@dataclass(frozen=True, slots=True)
class Arm:
    """One method at one size, and the strategy it is."""

    method: str
    size: int
    strategy: str
    by: str = ""
    """The kind of scorer it goes by."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to choose among samples, and what scores them."""

    method: str
    choose: Choose
    by: str = ""
    """As in `--strategy bon:16,by=...`; empty where no score is needed."""
    name: str = ""
    """The strategy of `aha solve` that it is."""

    def strategy(self, n: int, plan: Plan) -> str:
        """As people write it, with n samples."""
        by = f",by={self.by}" if self.by else ""
        return f"{self.name}:{n}{by},{plan.drawing}"


def choices(plan: Plan, scorers: Scorers) -> list[Choice]:
    """Every choice among samples that there is something to make by."""
    given = [name for name in ("outcome", "process", "judge") if getattr(scorers, name) is not None]
    found = [
        Choice("vote", majority, name="vote"),
        Choice("short", partial(shortest, m=SHORTEST), name="short"),
        Choice("length", length_weighted, name="length"),
    ]
    for by in ("likelihood", *given):
        found += [Choice(f"best by {by}", best, by, "bon"), Choice(f"weighted by {by}", weighted, by, "weighted")]
    return [choice for choice in found if wanted(plan, choice.method)]


def arms(plan: Plan, scorers: Scorers) -> list[Arm]:
    """Every strategy that is run as it is."""
    T = plan.max_tokens
    caps = [cap for cap in (2**i for i in range(5, 16)) if cap < T]
    found = [Arm("greedy", 1, f"greedy:{T}"), Arm("direct", 1, "direct"), Arm("steps", 1, f"steps:{T}")]
    found += [Arm("budget", cap, f"budget:{cap}") for cap in [*caps, T]]
    found += [Arm("wait", waits, f"budget:{T},floor={T},waits={waits}") for waits in (1, 2, 4)]
    found += [Arm("hidden", rounds, f"hidden:{rounds},cap={T}") for rounds in (2, 4)]
    found += [Arm("revise", rounds, f"revise:{rounds},{plan.drawing}") for rounds in (2, 4, 8)]
    if scorers.process is not None:
        found += [Arm("revise by process", r, f"revise:{r},by=process,{plan.drawing}", "process") for r in (2, 4, 8)]
        found += [
            Arm(name, n, f"{name}:{n},width={WIDTH},{plan.drawing}", "process")
            for name in TREES
            for n in plan.searches
            if not (name == "dvts" and n == WIDTH)  # one tree is a beam search
        ]
    return [arm for arm in found if wanted(plan, arm.method)]


def wanted(plan: Plan, method: str) -> bool:
    """Whether a method is among those asked for; a first word names all that begin with it."""
    return not plan.methods or method in plan.methods or method.split()[0] in plan.methods


def check_methods(plan: Plan, scorers: Scorers) -> None:
    """Raise ConfigError for a method that does not exist, or needs a scorer that was not given."""
    there = [*(c.method for c in choices(Plan(), scorers)), *(a.method for a in arms(Plan(), scorers))]
    names = dict.fromkeys([*there, *(name.split()[0] for name in there)])
    unknown = [name for name in plan.methods if name not in names]
    if unknown:
        raise ConfigError(f"no method {unknown[0]!r} here; there is {', '.join(names)}; others need a --scorer")


def settings(strategy: Strategy) -> dict[str, Any]:
    """A strategy's numbers and words: with its text, what decides its answers."""
    found: Sequence[Any] = fields(strategy)  # type: ignore[arg-type]
    named = {f.name: getattr(strategy, f.name) for f in found}
    return {name: value for name, value in named.items() if isinstance(value, int | float | str)}
