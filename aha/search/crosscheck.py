"""Answers that are checked against the model itself, and withheld where they fail.

    Agree(Vote(n=8), least=0.5)                              at least half of the replies give the answer
    Verify(Chain(), other_way)                               the same fact, asked the other way round, agrees
    Verify(Vote(n=8), other_way, tries=3)                    an answer that fails is replaced by the next most voted
    Verify(Vote(n=8), is_it_so, task=yes_or_no())            or the model is asked whether it is so
    Supported(Retrieve(...))                                 cited passages say so

Agreement is SelfCheckGPT's sign of knowledge (arXiv 2303.08896). Verification is factored chain-of-verification
(arXiv 2309.11495, section 3.3): each question is asked by itself, in a prompt that does not show the answer it checks
(`is_it_so` does, and is the weaker for it). An answer that is withheld becomes "I do not know" (`abstain.WITHHELD`), which is
neither wrong nor missing. What no question can be put to, or no reply confirms, is withheld as well.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

from aha.search.abstain import WITHHELD, held_back, screened
from aha.search.apart import apart
from aha.search.sample import Chain, check
from aha.search.types import Candidate, Solved, Strategy, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Engine, Problem

Ask = Callable[[Problem, Candidate], Sequence[tuple[Problem, Hashable]]]
"""Of a problem and a reply with an answer, questions to put to the model, and the answer to each that bears it out."""


@dataclass(frozen=True, slots=True)
class Agree:
    """Withhold an answer that fewer than a share `least` of the replies give. Replies without an answer count as others."""

    strategy: Strategy
    least: float = 0.5

    def __post_init__(self) -> None:
        check(least=(self.least, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems as `strategy` does, and withhold."""
        solved = self.strategy(engine, task, problems, seed, held_back(watch))
        return screened(solved, lambda i, one: agreement(one) >= self.least, watch)


def agreement(solved: Solved) -> float:
    """The share of all candidates that give the answer."""
    return sum(c.answer == solved.answer for c in solved.candidates) / max(1, len(solved.candidates))


@dataclass(frozen=True, slots=True)
class Supported:
    """Withhold an answer whose score is below `least`: of `Retrieve`, one whose cited passages do not bear it out.

    An answer without a score, because the check failed, stands.
    """

    strategy: Strategy
    least: float = 1.0

    def __post_init__(self) -> None:
        check(least=(self.least, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems as `strategy` does, and withhold."""

        def stands(i: int, one: Solved) -> bool:
            return one.chosen is None or one.chosen.score is None or one.chosen.score >= self.least

        return screened(self.strategy(engine, task, problems, seed, held_back(watch)), stands, watch)


@dataclass(frozen=True, slots=True)
class Verify:
    """Put questions to the model, answered `by` a strategy; an answer stands if a share `least` of them bear it out.

    The `tries` most voted answers are checked in turn until one stands. `task` reads the replies to the questions, by
    default the task of the problems.
    """

    strategy: Strategy
    ask: Ask
    by: Strategy = field(default_factory=lambda: Chain(max_tokens=128))
    task: Task | None = None
    tries: int = 1
    least: float = 1.0

    def __post_init__(self) -> None:
        check(tries=(self.tries, 1), least=(self.least, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems, then ask about the answers of all that have no standing one yet, at most `tries` times."""
        found = self.strategy(engine, task, problems, seed, held_back(watch))
        stands: set[int] = set()
        for turn in range(self.tries):
            asked = {i: one for i, s in enumerate(found) if i not in stands and (one := _ranked(s, turn)) is not None}
            confirmed = self._confirmed(engine, task, found, asked, seed + 1_000_003 * (turn + 1))
            for i in confirmed:
                found[i] = replace(found[i], answer=asked[i].answer, chosen=asked[i])
            stands |= confirmed
        return screened(found, lambda i, one: i in stands, watch)

    def _confirmed(
        self, engine: Engine, task: Task, found: list[Solved], asked: dict[int, Candidate], seed: int
    ) -> set[int]:
        """Which of the answers are borne out. The bill of the questions is added to their problems'."""
        put = [(i, *pair) for i, c in asked.items() for pair in self.ask(found[i].problem, c)]
        right: dict[int, list[bool]] = {}
        for call in apart([problem.prompt for _, problem, _ in put]):
            said = self.by(engine, self.task or task, [put[k][1] for k in call], seed)
            for k, reply in zip(call, said, strict=True):
                i, _, expected = put[k]
                right.setdefault(i, []).append(reply.answer == expected)
                found[i] = replace(found[i], cost=found[i].cost + reply.cost)
        return {i for i, row in right.items() if sum(row) >= self.least * len(row)}


def _ranked(solved: Solved, rank: int) -> Candidate | None:
    """The candidate that gives the answer of a rank by votes: 0 is the one chosen. None where there is no such answer."""
    if rank == 0:
        return None if solved.answer in (None, WITHHELD) else solved.chosen
    votes = solved.votes or {}
    others = [a for a in sorted(votes, key=lambda a: -votes[a]) if a not in (solved.answer, WITHHELD)]
    return next((c for c in solved.candidates if others[rank - 1 : rank] == [c.answer]), None)
