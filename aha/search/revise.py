"""Sequential revision (arXiv 2408.03314): the model sees its last answer and tries again.

    Revise(rounds=4)                                                   one chain; its four replies vote
    Revise(rounds=4, chains=4, rate=outcome(scorer), choose=weighted)
    Revise(rounds=4, show=as_turn)

Two ways to show what was answered before, both in the model's template: the new thought begins with it (`in_thought`), or
the conversation goes on with it and the question is asked again (`as_turn`). A reply that was cut off or strays from the
template is never shown, and the next is a fresh try. A chain's choice is made first, then one among the chains: a revision
also turns right answers wrong (38 % of them in that paper), so the last one does not simply win.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aha.chat import END, THINK, parse_reply, render
from aha.rewards.judge_prompts import question_of
from aha.search.budget import WAIT
from aha.search.draft import in_language, opened
from aha.search.ledger import Metered
from aha.search.sample import Rate, check, told
from aha.search.select import Choose, candidate, majority, solved
from aha.search.types import Candidate, Solved, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Engine, Problem, Sampling

MAYBE = {"en": "maybe", "zh": "也许"}
AGAIN = {"en": "Check your answer and try again. ", "zh": "检查你的答案，再试一次。"}

Show = Callable[[Problem, Sequence[str]], tuple[Problem, str]]
"""Of a problem and its replies so far, what is asked next and how the reply to it begins."""


def in_thought(problem: Problem, replies: Sequence[str]) -> tuple[Problem, str]:
    """The same question, and a thought that begins with the answers so far, and a doubt."""
    read = [parse_reply(reply) for reply in replies]
    maybe = in_language(problem, MAYBE)
    lines = "".join(f"{maybe} {reply.conclusion}\n" for reply in read if reply)
    return problem, THINK + lines + in_language(problem, WAIT)


def as_turn(problem: Problem, replies: Sequence[str]) -> tuple[Problem, str]:
    """The conversation so far with whole replies, and the question once more, with the request to check the answer."""
    prompt, opening = opened(problem)
    before = prompt.removesuffix(opening)
    again = render(in_language(problem, AGAIN) + question_of(replace(problem, prompt=before)))
    turns = "".join(f"{reply}{END}\n{again}" for reply in replies)
    return replace(problem, prompt=before + turns + opening), ""


@dataclass(frozen=True, slots=True)
class Revise:
    """`chains` chains of `rounds` replies, each of which sees the answers of the last `memory` before it."""

    rounds: int = 4
    chains: int = 1
    memory: int = 1
    show: Show = in_thought
    rate: Rate | None = None
    choose: Choose = majority
    max_tokens: int = 512
    temperature: float = 0.6
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(
            rounds=(self.rounds, 1), chains=(self.chains, 1), memory=(self.memory, 1), max_tokens=(self.max_tokens, 1)
        )

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems: a call of the engine a round, and one of the scorer."""
        meter = Metered(engine, len(problems))
        found: list[list[list[Candidate]]] = [[[] for _ in range(self.chains)] for _ in problems]
        for turn in range(self.rounds):
            self._try(meter, task, problems, found, seed, turn, watch)
        if self.rate:
            rated = self.rate(meter, problems, [[c for chain in chains for c in chain] for chains in found])
            found = [[row[k : k + self.rounds] for k in range(0, len(row), self.rounds)] for row in rated]
        return [self._decide(i, problem, found[i], meter, watch) for i, problem in enumerate(problems)]

    def _try(
        self,
        meter: Metered,
        task: Task,
        problems: Sequence[Problem],
        found: Sequence[Sequence[list[Candidate]]],
        seed: int,
        turn: int,
        watch: Watch,
    ) -> None:
        """One more reply to every chain, all drawn in one call."""
        asked = [(i, chain, *self._next(problems[i], chain)) for i, chains in enumerate(found) for chain in chains]
        # another seed for each round, or a fresh try would be the same try
        sampling = Sampling(1, self.max_tokens, self.temperature, self.top_p, seed=seed + turn * 1_000_003)
        if turn:
            prompts, owners = [prompt for *_, prompt, _ in asked], [i for i, *_ in asked]
        else:  # the chains of a problem begin alike: they are samples of one prompt, which is computed once
            prompts, owners = [opened(problem)[0] for problem in problems], list(range(len(problems)))
            sampling = replace(sampling, n=self.chains)
        replies = [reply for group in meter.generate(prompts, sampling, owners=owners) for reply in group]
        for (i, chain, _, opening), reply in zip(asked, replies, strict=True):
            chain.append(candidate(task, problems[i], replace(reply, text=opening + reply.text)))
            watch(told(i, chain[-1]))

    def _next(self, problem: Problem, chain: Sequence[Candidate]) -> tuple[str, str]:
        """The prompt of a chain's next reply, and what of it belongs to that reply."""
        replies = [c.reply.text for c in chain if c.answer is not None][-self.memory :]
        return opened(*self.show(problem, replies)) if replies else opened(problem)

    def _decide(
        self, i: int, problem: Problem, chains: Sequence[Sequence[Candidate]], meter: Metered, watch: Watch
    ) -> Solved:
        """The chains' own choices, and the choice among them."""
        winners = [decision.chosen for decision in map(self.choose, chains) if decision.chosen]
        decision = self.choose(winners)
        watch({"problem": i, "kind": "answer", "answer": decision.answer, "votes": decision.votes})
        return solved(problem, [c for chain in chains for c in chain], decision, meter.costs[i])
