"""Plan, do one step at a time with a scratchpad, check each, plan again where one fails (arXiv 2305.04091, 2303.11366).

    Plan(Sums())                  chains of sums: the plan is read off the question (`plan_sums`)
    Plan(Written(longest=10))     the model writes the plan itself (`plan_written`)

A step is a question of its own, asked in a fresh prompt: the model sees what the step needs from the scratchpad and nothing of
the steps before, so no prompt grows with the task. Its result is checked by a second question, tried again as often
as `tries` allows, and then planned anew. A plan that cannot go on ends without an answer: it never guesses.

Nothing is computed here. Steps and checks are the model's own work; a planner writes questions and compares texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from aha.search.apart import apart
from aha.search.ledger import Metered
from aha.search.sample import check, decided, told
from aha.search.select import candidate, majority
from aha.search.types import Candidate, Solved, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling

RESULT = "result"
"""Where the scratchpad holds the answer when the last step is done."""
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in the template, and how the reply to it begins.

    >>> Asked("User: What is {result} + 30?\\nAssistant:", "<think>{result} + 30")
    """

    prompt: str
    begins: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a plan. `{name}` in its texts is what the scratchpad holds under that name.

    `{notes}` are the lines written down so far.
    """

    ask: Asked
    note: str
    """What is written down before the result."""
    gives: str = RESULT
    """The name under which the scratchpad keeps the result."""
    check: Asked | None = None
    """A question about the result, which stands in it under `gives`; None for a step that is not checked."""
    expects: str = ""
    """The answer to the check that bears the result out, filled in with the scratchpad before the step."""


@dataclass(slots=True)
class Work:
    """A problem on its way through a plan."""

    owner: int
    problem: Problem
    memory: dict[str, str] = field(default_factory=dict)
    """The scratchpad."""
    todo: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tried: int = 0
    """Failures of the step at hand."""
    planned: int = 0
    """Plans asked for so far."""
    lost: bool = False
    """Whether there is no plan that goes on."""

    def seen(self) -> dict[str, str]:
        """The scratchpad, and the notes under a name of their own."""
        return self.memory | {"notes": "\n".join(f"- {note}" for note in self.notes)}


class Planner(Protocol):
    """Writes the steps of a plan, and reads their results."""

    def plan(self, meter: Metered, works: Sequence[Work], seed: int) -> None:
        """Set `todo` of each work: all steps at first; those that are left where the first of `todo` has failed.

        An empty `todo` gives up. What is drawn for it goes through the meter, under the work's owner.
        """
        ...

    def read(self, reply: Completion) -> str | None:
        """The result of a step, or the answer to a check; None where a reply has none."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Follow a planner's steps, all problems side by side.

    The first try of a step is greedy, further ones are sampled at `temperature`, and so is their check: a false alarm is
    not to repeat itself. `plans` is how many plans a problem may have.
    """

    planner: Planner
    tries: int = 3
    plans: int = 2
    max_tokens: int = 64
    temperature: float = 0.6
    top_p: float = 0.95

    def __post_init__(self) -> None:
        check(tries=(self.tries, 1), plans=(self.plans, 1), max_tokens=(self.max_tokens, 1))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems: a call of the engine for a step of all of them, and one for its check."""
        meter, works = Metered(engine, len(problems)), [Work(i, problem) for i, problem in enumerate(problems)]
        self._plan(meter, works, seed)
        turn = 0
        while live := [work for work in works if work.todo]:
            turn += 1
            now = seed + turn * 1_000_003
            again, first = [w for w in live if w.tried], [w for w in live if not w.tried]
            self._step(meter, first, Sampling(1, self.max_tokens, 0.0, seed=now), watch)
            self._step(meter, again, Sampling(1, self.max_tokens, self.temperature, self.top_p, seed=now), watch)
            self._plan(meter, [w for w in live if w.tried == self.tries], now)
        found = [[self._answer(task, work)] for work in works]
        for i, [c] in enumerate(found):
            watch(told(i, c))
        return decided(meter, problems, found, majority, watch)

    def _plan(self, meter: Metered, works: Sequence[Work], seed: int) -> None:
        """Plans for works that need one and may have one; the others give up."""
        for work in works:
            work.planned += 1
            work.tried = 0
            work.todo = work.todo if work.planned <= self.plans else []
        if may := [work for work in works if work.planned <= self.plans]:
            self.planner.plan(meter, may, seed)
        for work in works:
            work.lost = not work.todo

    def _step(self, meter: Metered, works: Sequence[Work], sampling: Sampling, watch: Watch) -> None:
        """The step at hand of each work: asked, checked, and written down where it holds."""
        steps = [work.todo[0] for work in works]
        asked = [_with(step.ask, work.seen()) for step, work in zip(steps, works, strict=True)]
        said = self._said(meter, works, asked, sampling)
        after = [w.memory | {s.gives: one or ""} for s, w, one in zip(steps, works, said, strict=True)]
        doubtful = {k: step.check for k, step in enumerate(steps) if step.check and said[k] is not None}
        checks = {k: _with(asks, works[k].seen() | after[k]) for k, asks in doubtful.items()}
        found = self._said(meter, [works[k] for k in checks], list(checks.values()), sampling)
        borne_out = dict(zip(checks, found, strict=True))
        for k, (work, step) in enumerate(zip(works, steps, strict=True)):
            expected = filled(step.expects, work.memory)
            holds = said[k] is not None and (not step.check or borne_out[k] == expected)
            line = f"{filled(step.note, work.memory)} {after[k][step.gives]}"
            watch({"problem": work.owner, "kind": "step", "text": line, "score": float(holds), "kept": holds})
            if holds:
                work.memory, work.todo, work.tried = after[k], work.todo[1:], 0
                work.notes.append(line)
            else:
                work.tried += 1

    def _said(
        self, meter: Metered, works: Sequence[Work], asked: Sequence[Asked], sampling: Sampling
    ) -> list[str | None]:
        """What the planner reads in the reply to each work's question; one that was cut off has no answer."""
        prompts = [one.prompt + one.begins for one in asked]
        said: list[str | None] = [None] * len(prompts)
        for call in apart(prompts):
            groups = meter.generate([prompts[k] for k in call], sampling, owners=[works[k].owner for k in call])
            for k, [reply] in zip(call, groups, strict=True):
                whole = replace(reply, text=asked[k].begins + reply.text)
                said[k] = None if reply.finish == "length" else self.planner.read(whole)
        return said

    def _answer(self, task: Task, work: Work) -> Candidate:
        """The scratchpad as a reply: its notes are the thinking, the last result the answer."""
        answer = f"<answer>{work.memory.get(RESULT, '')}</answer>" if not work.lost else ""
        return candidate(task, work.problem, Completion("<think>" + "\n".join(work.notes) + "</think>" + answer))


def _with(asked: Asked, memory: dict[str, str]) -> Asked:
    return Asked(filled(asked.prompt, memory), filled(asked.begins, memory))


def filled(text: str, memory: dict[str, str]) -> str:
    """A text with what the scratchpad holds in place of `{name}`; other braces stay. What is put in is not read again."""
    return _NAME.sub(lambda found: memory.get(found[1], found[0]), text)
