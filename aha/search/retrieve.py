"""Answer from passages, with citations that are checked: retrieval-augmented generation (arXiv 2005.11401).

    index = Index(read_passages(Path("notes")))
    strategy = Retrieve(index.search, by_judge(judge), k=3)
    for solved in strategy.grounded(engine, task, problems, seed=0):
        print(solved.answer, solved.claims)

The passages that the question finds stand before it, numbered, and each sentence of the answer is to end with a number.
The numbers are read back (`citations`), and each cited passage is held against its sentence (`support`). How much of an
answer is borne out is its score, so that `choose=weighted` prefers what is; `Supported` withholds the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from aha.chat import parse_reply, render
from aha.rewards.judge_prompts import question_of
from aha.search.abstain import WITHHELD, abstains
from aha.search.citations import Claim, claims_of, numbered, uncited
from aha.search.draft import in_language, opened
from aha.search.ledger import Metered
from aha.search.passages import Passage, Search
from aha.search.sample import check, decided, sampled
from aha.search.select import Choose, majority
from aha.search.support import Supports, checked
from aha.search.types import Candidate, Solved, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling


@dataclass(frozen=True, slots=True)
class Grounded(Solved):
    """An answer with the passages that its reply was shown, and what was claimed."""

    passages: tuple[Passage, ...] = ()
    claimed: tuple[tuple[Claim, ...], ...] = ()
    """The claims of each candidate."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of the reply that was chosen; none where the answer is withheld."""
        both = zip(self.candidates, self.claimed, strict=True)
        return next((claims for c, claims in both if c is self.chosen), ())


@dataclass(frozen=True, slots=True)
class Retrieve:
    """`n` replies to each question behind its `k` best passages. One reply is greedy unless there is a temperature.

    A candidate's score is the share of its claims that a cited passage supports, unchecked ones left out; None where it
    has no answer or nothing was checked. Saying that one does not know makes no claim. The answer is read without marks.
    """

    search: Search
    supports: Supports
    k: int = 3
    n: int = 1
    choose: Choose = majority
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(k=(self.k, 1), n=(self.n, 1), max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems in one call of the engine and one of the check; each answer is a `Grounded`."""
        return [*self.grounded(engine, task, problems, seed, watch)]

    def grounded(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Grounded]:
        """The same, for a caller who wants to see the claims."""
        meter = Metered(engine, len(problems))
        passages = [tuple(self.search(question_of(plain(problem)[0]), self.k)) for problem in problems]
        asked = [with_passages(problem, found) for problem, found in zip(problems, passages, strict=True)]
        sampling = Sampling(self.n, self.max_tokens, self.temperature, self.top_p, seed=seed)
        drawn = sampled(meter, replace(task, answer_of=unmarked_answer(task)), asked, sampling, watch)
        found, claims = self._checked(meter, problems, passages, drawn)
        for i, candidates in enumerate(found):
            for c in candidates:
                watch({"problem": i, "kind": "score", "text": c.reply.text, "score": c.score})
        solved = decided(meter, problems, found, self.choose, watch)
        return [
            Grounded(s.problem, s.answer, s.chosen, s.candidates, s.cost, s.votes, read, tuple(said))
            for s, read, said in zip(solved, passages, claims, strict=True)
        ]

    def _checked(
        self,
        meter: Metered,
        problems: Sequence[Problem],
        passages: Sequence[Sequence[Passage]],
        drawn: Sequence[Sequence[Candidate]],
    ) -> tuple[list[list[Candidate]], list[list[tuple[Claim, ...]]]]:
        """The candidates with their scores, and the claims of each."""
        told = [
            (i, k, claim)
            for i, row in enumerate(drawn)
            for k, c in enumerate(row)
            for claim in claims_in(c, len(passages[i]))
        ]
        verdicts = checked(meter, self.supports, problems, passages, [(i, claim) for i, _, claim in told])
        claims: list[list[list[Claim]]] = [[[] for _ in row] for row in drawn]
        for (i, k, _), claim in zip(told, verdicts, strict=True):
            claims[i][k].append(claim)
        found = [
            [replace(c, score=borne_out(said)) for c, said in zip(row, rows, strict=True)]
            for row, rows in zip(drawn, claims, strict=True)
        ]
        return found, [[tuple(said) for said in rows] for rows in claims]


def plain(problem: Problem) -> tuple[Problem, str]:
    """The problem without a thought that its prompt opens, and that opening."""
    prompt, opening = opened(problem)
    return replace(problem, prompt=prompt.removesuffix(opening)), opening


def with_passages(problem: Problem, passages: Sequence[Passage]) -> Problem:
    """The problem with numbered passages before its question, in its language; as it is where there are none."""
    bare, opening = plain(problem)
    question = question_of(bare)
    shown = numbered(passages, in_language(bare, {"en": "en", "zh": "zh"}), question)
    return replace(problem, prompt=render(shown) + opening) if passages else problem


def unmarked_answer(task: Task) -> Callable[[Problem, Completion], Hashable | None]:
    """`task.answer_of` for replies with marks of citation, and for those that say that they do not know."""

    def answer_of(problem: Problem, reply: Completion) -> Hashable | None:
        return WITHHELD if abstains(reply) else task.answer_of(problem, uncited(reply))

    return answer_of


def claims_in(c: Candidate, passages: int) -> list[Claim]:
    """What a candidate's answer claims, before it is checked: nothing where it has none or says that it does not know."""
    read = None if c.answer in (None, WITHHELD) else parse_reply(c.reply.text)
    return claims_of(read.answer, passages) if read else []


def borne_out(claims: Sequence[Claim]) -> float | None:
    """The share of claims that are supported, unchecked ones left out; None where there is none."""
    known = [claim.verdict == "supported" for claim in claims if claim.verdict != "unchecked"]
    return sum(known) / len(known) if known else None
