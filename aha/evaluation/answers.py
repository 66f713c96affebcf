"""What one way of answering earned and took, question by question: the record behind every point of the picture.

    Answers("vote", 16, "vote:16", credit_Q=[1.0, 0.5], blank_Q=[0.0, 0.0], cut_Q=[0.0, 0.0], bill_Q={"tokens": [900.0, 1200.0], ...})

Shares are over whatever chance there was: of one run 0 or 1, of choices among many samples anything between. A grader that
failed leaves None, and the question is then left out for all (`whole`): a failed grader is no wrong answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from aha import disk
from aha.errors import RunError
from aha.search.types import Candidate, Cost, Solved
from aha.stats import Interval, question_interval
from aha.tasks.base import Task
from aha.types import Problem

BILL = tuple(f.name for f in fields(Cost) if f.name != "reused_tokens")  # what was not computed is not on the bill
Bill = dict[str, list[float]]
"""Of each kind of cost (the fields of Cost), one number a question."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One method at one size."""

    method: str
    size: int
    strategy: str
    """As people write it for `aha solve`."""
    credit_Q: list[float | None]
    """The share of right answers; None where a grader failed."""
    blank_Q: list[float]
    """The chance that no reply had an answer."""
    cut_Q: list[float]
    """The part of that in which every reply was cut off."""
    bill_Q: Bill

    @property
    def total_Q(self) -> list[float]:
        """Tokens drawn from the policy and tokens read by scorers."""
        return [a + b for a, b in zip(self.bill_Q["tokens"], self.bill_Q["scorer_tokens"], strict=True)]

    @property
    def tokens(self) -> float:
        """Mean of `total_Q`."""
        return fmean(self.total_Q)

    @property
    def right_Q(self) -> list[float]:
        """Credits of questions all of whose graders answered. Raises ValueError where one did not."""
        right = [credit for credit in self.credit_Q if credit is not None]
        if len(right) < len(self.credit_Q):
            raise ValueError("a grader failed: leave such questions out with whole()")
        return right

    @property
    def accuracy(self) -> Interval:
        """The mean credit, with its interval over questions."""
        return question_interval([[credit] for credit in self.right_Q])

    def mean(self, name: str) -> float:
        """One kind of cost, a question."""
        return fmean(self.bill_Q[name])

    def only(self, questions: Sequence[int]) -> Answers:
        """The same of some of the questions."""
        kept = {name: [row[q] for q in questions] for name, row in self.bill_Q.items()}
        credit_Q = [self.credit_Q[q] for q in questions]
        blank_Q, cut_Q = ([row[q] for q in questions] for row in (self.blank_Q, self.cut_Q))
        return Answers(self.method, self.size, self.strategy, credit_Q, blank_Q, cut_Q, kept)


def whole(every: Sequence[Answers]) -> tuple[list[Answers], list[int]]:
    """The answers on those questions where no grader failed for anybody, and which questions these are.

    Raises RunError where none is left.
    """
    count = len(every[0].credit_Q)
    kept = [q for q in range(count) if all(one.credit_Q[q] is not None for one in every)]
    if not kept:
        raise RunError(f"a grader failed on each of the {count} questions, so nothing can be compared")
    return [one.only(kept) for one in every], kept


def bill(costs: Sequence[Cost]) -> Bill:
    """The costs of questions, by kind."""
    return {name: [float(getattr(cost, name)) for cost in costs] for name in BILL}


class Grader:
    """Grades replies by the part "correct" of a task's rubric, equal replies to a question once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._known: dict[tuple[str, str, str], float | None] = {}

    def __call__(self, problem: Problem, candidates: Sequence[Candidate]) -> list[float | None]:
        """1 for right, 0 for wrong, cut off or without an answer, None where the grader failed."""

        def key(c: Candidate) -> tuple[str, str, str]:
            return problem.id, problem.prompt, c.reply.text

        asked = [c for c in candidates if c.answer is not None and c.reply.finish != "length"]
        fresh = {key(c): c.reply for c in asked if key(c) not in self._known}
        if fresh:
            for name, score in zip(fresh, self.task.rubric(problem, list(fresh.values())), strict=True):
                self._known[name] = score.parts["correct"]
        gradable = set(map(id, asked))
        return [self._known[key(c)] if id(c) in gradable else 0.0 for c in candidates]

    def of(self, solved: Solved) -> float | None:
        """The grade of the answer that was chosen; 0 without one."""
        return self(solved.problem, [solved.chosen])[0] if solved.chosen else 0.0


def answers(method: str, size: int, strategy: str, found: Sequence[Solved], grader: Grader) -> Answers:
    """What a strategy's one run earned and took."""
    blank = [all(c.answer is None for c in solved.candidates) for solved in found]
    cut = [all(c.reply.finish == "length" for c in solved.candidates) for solved in found]
    return Answers(
        method, size, strategy, [grader.of(solved) for solved in found], [float(b) for b in blank],
        [float(c) for c in cut], bill([solved.cost for solved in found]),
    )  # fmt: skip


def kept(file: Path, make: Callable[[], Any]) -> Any:
    """The JSON value that a file holds of an earlier run, or else what is made now, and kept there.

    Raises RunError for a damaged file.
    """
    if file.exists():
        try:
            return json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{file} cannot be read ({error}); delete it, and the same command makes it again") from None
    made = make()
    with disk.writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write_whole(file, (json.dumps(made) + "\n").encode())
    return made


def kept_answers(file: Path, make: Callable[[], Answers]) -> Answers:
    """The same of answers."""
    try:
        return Answers(**kept(file, lambda: asdict(make())))
    except TypeError as error:
        raise RunError(f"{file} holds no answers ({error}); delete it, and the same command makes it again") from None
