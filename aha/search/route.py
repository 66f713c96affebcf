"""Routing: simple questions are answered at once, the others with thinking.

    Route(before=looks_hard)                                 by rule: from what the question looks like
    Route(after=Helps(Simple.load(file)))                    by a classifier: from the question and its direct answer
    Route(direct=Glances(5), after=Disagree())               by agreement: where cheap direct samples differ

A question goes to `think` at once where `before` says so. Any other is answered by `direct` first, and goes to `think` as
well where `after` says so of that answer. Both are paid for. Where thinking finds no answer, the direct one stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aha.errors import ConfigError
from aha.search.ledger import Metered
from aha.search.sample import NO_THINKING, Chain, Direct, Vote, check, decided, sampled
from aha.search.select import Choose, majority
from aha.search.simple import Simple, agreement, features, looks_hard
from aha.search.types import Event, Solved, Strategy, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Engine, Problem, Sampling


def never(problem: Problem) -> bool:
    """No question thinks before it was answered at once."""
    return False


def unanswered(problem: Problem, direct: Solved) -> bool:
    """A question thinks where nothing was answered at once."""
    return direct.answer is None


@dataclass(frozen=True, slots=True)
class Glances:
    """k sampled direct answers vote: how far they agree tells how sure the model is (arXiv 2203.11171, section 3.5)."""

    k: int = 5
    choose: Choose = majority
    max_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(k=(self.k, 1), max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems in one call of the engine, which computes each prompt once for its k replies."""
        meter = Metered(engine, len(problems))
        sampling = Sampling(self.k, self.max_tokens, self.temperature, self.top_p, seed=seed)
        found = sampled(meter, task, problems, sampling, watch, NO_THINKING)
        return decided(meter, problems, found, self.choose, watch)


@dataclass(frozen=True, slots=True)
class Disagree:
    """Thinks where less than `least` of the direct replies give the same answer."""

    least: float = 1.0

    def __call__(self, problem: Problem, direct: Solved) -> bool:
        """Whether to think."""
        return direct.answer is None or agreement(direct) < self.least


@dataclass(frozen=True, slots=True)
class Helps:
    """Thinks where the chance that it helps is above `least`.

    With `least` as the price of thinking, in answers, no other threshold earns more if thinking never hurts.
    """

    model: Simple
    least: float = 0.1

    def __call__(self, problem: Problem, direct: Solved) -> bool:
        """Whether to think."""
        return direct.answer is None or self.model.chance(features(problem, direct)) > self.least


@dataclass(frozen=True, slots=True)
class Route:
    """`direct` for simple questions, `think` for the others."""

    think: Strategy = Chain()
    direct: Strategy = Direct()
    before: Callable[[Problem], bool] = never
    after: Callable[[Problem, Solved], bool] = unanswered

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems: a call of `direct` and one of `think`, each for those it is for."""

        def answer(strategy: Strategy, members: Sequence[int]) -> dict[int, Solved]:
            asked = [problems[i] for i in members]
            found = strategy(engine, task, asked, seed, _renumbered(watch, members)) if asked else []
            return dict(zip(members, found, strict=True))

        glanced = answer(self.direct, [i for i, problem in enumerate(problems) if not self.before(problem)])
        hard = [i for i, p in enumerate(problems) if i not in glanced or self.after(p, glanced[i])]
        thought = answer(self.think, hard)
        found = [_joined(glanced.get(i), thought.get(i)) for i in range(len(problems))]
        for i, solved in enumerate(found):
            watch({"problem": i, "kind": "answer", "answer": solved.answer, "votes": solved.votes})
        return found


def _joined(direct: Solved | None, thought: Solved | None) -> Solved:
    """One record of a question's two answers, the thought one first in line."""
    if thought is None or direct is None:
        found = thought or direct
        assert found is not None  # every question is answered by one of them
        return found
    last = direct if thought.answer is None else thought
    return replace(last, candidates=direct.candidates + thought.candidates, cost=direct.cost + thought.cost)


def _renumbered(watch: Watch, members: Sequence[int]) -> Watch:
    """Events of some of the problems under their own numbers, but not their answers: the last word is not yet spoken."""
    if watch is unwatched:
        return unwatched

    def told(event: Event) -> None:
        if event["kind"] != "answer":
            watch(event | {"problem": members[event["problem"]]})

    return told


OPTIONS = ("n", "by", "k", "least", "model", "max_tokens")
"""What `routed` reads of a strategy's text."""
BY = ("rule", "classifier", "agreement")


def routed(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of Route that these options stand for, which are taken out: `route:8,by=agreement,k=5,least=0.8`.

    The number is how many thoughts vote; 1 thinks once, greedily. Raises ConfigError in one line.
    """
    told = {name: options.pop(name) for name in OPTIONS if name in options}
    by = told.pop("by", "rule")
    n, tokens = _number(told, "n", 1), _number(told, "max_tokens", 512)
    fields: dict[str, Any] = {"think": Chain(tokens) if n == 1 else Vote(n, max_tokens=tokens)}
    if by == "rule":
        fields |= {"before": looks_hard}
    elif by == "agreement":
        fields |= {"direct": Glances(_number(told, "k", 5)), "after": Disagree(_number(told, "least", 1.0))}
    elif by == "classifier":
        if "model" not in told:
            raise ConfigError("route: by=classifier needs model=FILE, which aha route writes")
        fields |= {"after": Helps(Simple.load(Path(told.pop("model"))), _number(told, "least", 0.1))}
    else:
        raise ConfigError(f"route: by={by}: use {', '.join(BY)}")
    if told:
        raise ConfigError(f"route: by={by} has no {', '.join(told)}")
    return fields


def _number(told: dict[str, Any], name: str, default: Any) -> Any:
    """A number of the default's kind, taken out."""
    text = told.pop(name, default)
    try:
        return type(default)(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise ConfigError(f"route: {name} should be {kind}, got {text!r}") from None
