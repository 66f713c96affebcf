"""Draw whole replies and choose among them: chains of thought, direct answers, votes, best-of-n.

    Chain()                              one reply, greedy
    Chain(temperature=0.6)               one reply, sampled
    Direct()                             no thinking: the prompt goes on with <think></think><answer>
    Vote(n=16)                           the majority's answer
    Vote(n=16, choose=length_weighted)
    BestOf(n=16, rate=outcome(scorer), choose=weighted)

On an engine that is a `Pool` any smaller n is read off one run of the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aha.chat import ANSWER, THINK, THINK_END
from aha.errors import ConfigError
from aha.search.draft import opened
from aha.search.ledger import Metered
from aha.search.select import Choose, best, candidate, majority, solved
from aha.search.types import Candidate, Solved, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling

NO_THINKING = THINK + THINK_END + ANSWER
"""How a reply without thinking begins (arXiv 2501.12948, section 2.3.3)."""

Rate = Callable[[Metered, Sequence[Problem], Sequence[Sequence[Candidate]]], list[list[Candidate]]]
"""Gives every candidate of every problem its score, and notes what that took: see `aha.search.rate`."""


def check(**least: tuple[float, float]) -> None:
    """Raise ConfigError for a setting below its least value: `check(n=(0, 1))`."""
    for name, (value, low) in least.items():
        if value < low:
            raise ConfigError(f"{name} = {value:g}: give {low:g} or more")


def sampled(
    meter: Metered, task: Task, problems: Sequence[Problem], sampling: Sampling, watch: Watch, opening: str = ""
) -> list[list[Candidate]]:
    """`sampling.n` replies to each problem, drawn in one call; all begin with `opening`."""
    both = [opened(problem, opening) for problem in problems]

    def read(i: int, group: Sequence[Completion]) -> list[Candidate]:
        return [candidate(task, problems[i], replace(reply, text=both[i][1] + reply.text)) for reply in group]

    def done(i: int, group: list[Completion]) -> None:
        for c in read(i, group):
            watch(told(i, c))

    groups = meter.generate([prompt for prompt, _ in both], sampling, None if watch is unwatched else done)
    return [read(i, group) for i, group in enumerate(groups)]


def told(problem: int, c: Candidate) -> dict[str, object]:
    """The event of a whole reply."""
    return {
        "problem": problem, "kind": "reply", "text": c.reply.text, "answer": c.answer, "tokens": len(c.reply.token_ids),
    }  # fmt: skip


def decided(
    meter: Metered, problems: Sequence[Problem], found: Sequence[Sequence[Candidate]], choose: Choose, watch: Watch
) -> list[Solved]:
    """Choose for every problem among the candidates found."""
    answers = []
    for i, (problem, candidates) in enumerate(zip(problems, found, strict=True)):
        decision = choose(candidates)
        watch({"problem": i, "kind": "answer", "answer": decision.answer, "votes": decision.votes})
        answers.append(solved(problem, candidates, decision, meter.costs[i]))
    return answers


@dataclass(frozen=True, slots=True)
class Chain:
    """One reply as the model gives it: a chain of thought (arXiv 2201.11903). Temperature 0 is greedy."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems in one call of the engine."""
        meter = Metered(engine, len(problems))
        sampling = Sampling(1, self.max_tokens, self.temperature, self.top_p, seed=seed)
        return decided(meter, problems, sampled(meter, task, problems, sampling, watch), majority, watch)


@dataclass(frozen=True, slots=True)
class Direct:
    """One reply without thinking: the prompt goes on with an empty thought and an open answer."""

    max_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems in one call of the engine."""
        meter = Metered(engine, len(problems))
        sampling = Sampling(1, self.max_tokens, self.temperature, self.top_p, seed=seed)
        found = sampled(meter, task, problems, sampling, watch, NO_THINKING)
        return decided(meter, problems, found, majority, watch)


@dataclass(frozen=True, slots=True)
class Vote:
    """n replies vote. The temperature is R1's (arXiv 2501.12948, section 3).

    So would be a top_p of 0.95, but for it the torch engine sorts the vocabulary at every token.
    """

    n: int = 16
    choose: Choose = majority
    max_tokens: int = 512
    temperature: float = 0.6
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(n=(self.n, 1), max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems in one call of the engine, which computes each prompt once for its n replies."""
        meter = Metered(engine, len(problems))
        sampling = Sampling(self.n, self.max_tokens, self.temperature, self.top_p, seed=seed)
        return decided(meter, problems, sampled(meter, task, problems, sampling, watch), self.choose, watch)


@dataclass(frozen=True, slots=True)
class BestOf:
    """n replies, scored by `rate`; `choose` is `best` or `weighted`."""

    n: int
    rate: Rate
    choose: Choose = best
    max_tokens: int = 512
    temperature: float = 0.6
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(n=(self.n, 1), max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems: one call of the engine, then one of the scorer."""
        meter = Metered(engine, len(problems))
        sampling = Sampling(self.n, self.max_tokens, self.temperature, self.top_p, seed=seed)
        found = self.rate(meter, problems, sampled(meter, task, problems, sampling, watch))
        for i, candidates in enumerate(found):
            for c in candidates:
                watch({"problem": i, "kind": "score", "text": c.reply.text, "score": c.score})
        return decided(meter, problems, found, self.choose, watch)
