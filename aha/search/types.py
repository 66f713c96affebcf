"""What every strategy takes and gives: problems in, answers with their candidates and their bill out.

    strategy = Vote(n=16)
    for solved in strategy(engine, task, problems, seed=0):
        print(solved.answer, solved.cost.tokens)

A strategy is a frozen record of its settings that can be called. It never learns which answer is right: `task` is used
to read the answer out of a reply (`task.answer_of`), not to grade it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer took. Tokens, operations and seconds of all answers of a call add up to the engine's own counters."""

    prompt_tokens: int = 0
    """Prompt tokens the policy computed; a prompt shared by samples counts once."""
    tokens: int = 0
    """Tokens drawn from the policy, those of thrown-away branches and lookahead included."""
    scorer_tokens: int = 0
    """Tokens read by reward models and judges."""
    passes: int = 0
    """Tokens drawn one after the other: how many decoding steps the answer waits for on an engine that has room for all
    its rows. Problems answered together share their steps, so passes of different problems do not add up. 0 where an
    engine hides its tokens."""
    flops: float = 0.0
    """2 x weights x tokens computed or drawn, of policy and scorers (arXiv 2001.08361, section 2.1, which leaves the
    attention to the past out); 0 for a model whose weights are not known."""
    seconds: float = 0.0
    """Share of the time in engine and scorers: that of a batch is divided by tokens. Answered alone it would take longer."""
    reused_tokens: int = 0
    """Prompt tokens whose keys and values an earlier call for the same answer had left: not computed, and in no other number."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Cost)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One whole reply that a strategy considered."""

    reply: Completion
    """Its text is the whole reply, also what the prompt or the strategy opened it with. Its tokens follow those of its
    prompt; tokens that were put in have log-probability 0, since nothing else could have stood there."""
    answer: Hashable | None
    """What it votes for; None when it was cut off, has no answer, or strays from the template."""
    score: float | None = None
    """What the strategy weighed it with, higher is better; None if it did not, or where the scorer failed."""
    step_scores: tuple[float, ...] = ()
    """A process model's score after each step."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A problem's answer, how it came about, and what it took."""

    problem: Problem
    answer: Hashable | None
    """None when no candidate has an answer, or when a scorer had to choose and failed on all that have."""
    chosen: Candidate | None
    """The candidate to show: one that gave `answer`; None where that is None."""
    candidates: tuple[Candidate, ...]
    cost: Cost
    votes: dict[Any, float] | None = None
    """Weight of every answer, where answers were weighed."""


class StepScorer(Protocol):
    """Judges a partial or whole reply step by step: a process reward model, or anything that stands for one."""

    def __call__(self, prompts: Sequence[str], replies: Sequence[str]) -> tuple[list[list[float]], list[int]]:
        """Of each reply, the score in [0, 1] after each of its steps, and how many tokens were read for it."""
        ...


Event = dict[str, Any]
"""Something that happened inside a strategy, for people to watch: {"problem": 0, "kind": "step", "text": ..., "score": ...}.

`problem` is its index and `kind` one of: "reply", a whole reply with `text`, `answer` and `tokens`; "step", one step of a
partial reply, with `text` and `score`, and in a search by a process model the `reply` so far and whether it was `kept`;
"visit", the partial reply `text` that a tree search goes on from; "forced", `text` that was put into a reply; "score", a
`score` given to a reply's `text`; "answer", the end, with `answer` and `votes`. An event may come from any thread, and its
texts are the model's: hostile.
"""
Watch = Callable[[Event], None]


def unwatched(event: Event) -> None:
    """Watch nothing."""


class Strategy(Protocol):
    """A way to spend tokens on an answer."""

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems, in order and in as few batches as the method allows.

        What a problem is answered depends on the problem, the settings and the seed, not on what else is asked; a problem
        that is asked twice in one call is answered twice anew.
        """
        ...
