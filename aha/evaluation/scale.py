"""Every way to think longer, on the same questions: what each earns and what it takes.

    bench = Bench(engine, task, problems, Plan(samples=64), Scorers(process=scorer), folder)
    every = bench.run()          # a list of Answers, one for each method and size

Samples are drawn once, into a pool (`folder/pool`), and all choices among them are read off it. What is finished is kept
in `folder/arms` under a name that the model, the questions and the settings make, so the same command goes on where it
was interrupted, and changed settings never meet old answers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import aha
from aha.evaluation.answers import Answers, Grader, answers, kept, kept_answers
from aha.evaluation.digest import revision, text_digest
from aha.evaluation.pooled import Drawn, read_off
from aha.evaluation.scale_arms import SHORTEST, TREES, Arm, Choice, Plan, arms, choices, settings
from aha.search.ledger import Metered
from aha.search.parse import Scorers, parse
from aha.search.pool import Pool
from aha.search.sample import BestOf, Vote
from aha.search.select import majority, stopped_cost
from aha.search.types import Cost
from aha.tasks.base import Task
from aha.types import Engine, Problem

Say = Callable[[str], None]


def silent(line: str) -> None:
    """Say nothing."""


class Bench:
    """A model, questions and scorers. `marks` names the weights of each kind of scorer, `model` those of an engine that holds none."""

    def __init__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], plan: Plan, scorers: Scorers, folder: Path,
        marks: Mapping[str, str] = {}, model: str = "", say: Say = silent,  # noqa: B006 - never written to
    ) -> None:  # fmt: skip
        self.engine, self.task, self.problems, self.plan = engine, task, problems, plan
        self.scorers, self.folder, self.marks, self.say = scorers, folder, marks, say
        self.pool = Pool(engine, folder / "pool", model)
        self.grader = Grader(task)
        self.same = [aha.__version__, self.pool.digest, revision(problems), plan.seed]
        self._scored: dict[str, Drawn] = {}

    def run(self) -> list[Answers]:
        """Everything that the plan asks for. What an earlier run has finished is read, and nothing is drawn for it."""
        return [*self._read_off(), *map(self._ran, arms(self.plan, self.scorers))]

    def _read_off(self) -> list[Answers]:
        """A single sample, and every choice among samples at every size."""
        one = Choice("sample", majority)
        found = [self._told(Arm("sample", 1, f"sample,{self.plan.drawing}"), lambda arm: self._chosen(one, 1, arm))]
        for choice in choices(self.plan, self.scorers):
            for n in self.plan.sizes[1:]:
                arm = Arm(choice.method, n, choice.strategy(n, self.plan), choice.by)
                found.append(self._told(arm, lambda arm, c=choice, n=n: self._chosen(c, n, arm)))  # type: ignore[misc]
        return found

    def _chosen(self, choice: Choice, n: int, arm: Arm) -> Answers:
        drawn = self.scored(choice.by) if choice.by else self.drawn
        return read_off(drawn, choice.method, n, arm.strategy, choice.choose)

    def _ran(self, arm: Arm) -> Answers:
        """A strategy run as it is. It draws through the pool, unless it draws step by step."""
        engine: Engine = self.engine if arm.method in TREES else self.pool

        def run(arm: Arm) -> Answers:
            found = parse(arm.strategy, self.scorers)(engine, self.task, self.problems, self.plan.seed)
            return answers(arm.method, arm.size, arm.strategy, found, self.grader)

        return self._told(arm, run, settings(parse(arm.strategy, self.scorers)))

    def _told(self, arm: Arm, make: Callable[[Arm], Answers], more: dict[str, Any] | None = None) -> Answers:
        """What is kept of it, or what is made now, with a line to read."""
        key = self._key([arm.strategy, self.plan.samples if more is None else 0, more], [arm.by])
        file = self.folder / "arms" / f"{arm.method.replace(' ', '-')}-{arm.size}-{key}.json"
        found = kept_answers(file, lambda: make(arm))
        known = [credit for credit in found.credit_Q if credit is not None]
        right = f"{100 * fmean(known):5.1f} % right" if known else "not graded  "
        self.say(f"{right}  {found.tokens:9,.0f} tokens a question  {arm.method} {arm.size}")
        return found

    def _key(self, parts: Sequence[Any], by: Sequence[str]) -> str:
        """What a result is known by: everything that decides it, the weights of the scorers it goes by among it."""
        marks = [self.marks.get(kind, "") for kind in by]
        return text_digest(json.dumps([*self.same, *marks, *parts], sort_keys=True))[:12]

    @cached_property
    def drawn(self) -> Drawn:
        """All samples, graded."""
        plan = self.plan
        vote = Vote(plan.samples, max_tokens=plan.max_tokens, temperature=plan.temperature, top_p=plan.top_p)
        found = vote(self.pool, self.task, self.problems, plan.seed)
        grades = [self.grader(solved.problem, solved.candidates) for solved in found]
        return Drawn([solved.candidates for solved in found], grades, [solved.cost for solved in found])

    def scored(self, by: str) -> Drawn:
        """The same with scores, and what scoring took."""
        if by not in self._scored:
            rating = parse(f"bon:{self.plan.samples},by={by}", self.scorers)
            assert isinstance(rating, BestOf)
            meter = Metered(self.pool, len(self.problems))
            found = rating.rate(meter, self.problems, self.drawn.candidates_QN)
            self._scored[by] = replace(self.drawn, candidates_QN=found, scoring_Q=meter.costs)
        return self._scored[by]

    def facts(self) -> dict[str, Any]:
        """What else the samples tell: how they ended, how easy a scorer thinks each question, what stopping early saves."""
        by = [name for name in ("process", "outcome") if getattr(self.scorers, name) is not None]
        key = self._key([self.plan.drawing, self.plan.samples, by], by)
        found: dict[str, Any] = kept(self.folder / "arms" / f"facts-{key}.json", lambda: self._facts(by))
        return found

    def _facts(self, by: Sequence[str]) -> dict[str, Any]:
        stopped = [
            stopped_cost(found, cost, SHORTEST)
            for found, cost in zip(self.drawn.candidates_QN, self.drawn.drawing_Q, strict=True)
        ]
        return {
            "replies": outcomes(self.drawn),
            "ease": {"agreement": [agreed([c.answer for c in row]) for row in self.drawn.candidates_QN]}
            | {name: [ease([c.score for c in row]) for row in self.scored(name).candidates_QN] for name in by},
            "stopped": {"tokens": _mean(stopped, "tokens"), "passes": _mean(stopped, "passes")},
        }


def outcomes(drawn: Drawn) -> dict[str, float]:
    """Shares of all replies: five things that are never mixed."""
    names = dict.fromkeys(("right", "wrong", "no answer", "cut off", "grader failed"), 0)
    for found, grades in zip(drawn.candidates_QN, drawn.grades_QN, strict=True):
        for c, grade in zip(found, grades, strict=True):
            if c.reply.finish == "length":
                names["cut off"] += 1
            elif c.answer is None:
                names["no answer"] += 1
            else:
                names["grader failed" if grade is None else "right" if grade == 1 else "wrong"] += 1
    return {name: count / sum(names.values()) for name, count in names.items()}


def ease(scores: Sequence[float | None]) -> float:
    """How easy a question looks to a scorer: the mean score of its replies, of which the unanswered count 0."""
    return fmean(score or 0.0 for score in scores)


def agreed(answers: Sequence[Any]) -> float:
    """How easy a question looks without a scorer: the share of its replies that give the commonest answer."""
    votes = Counter(answer for answer in answers if answer is not None)
    return max(votes.values(), default=0) / len(answers)


def _mean(costs: Sequence[Cost], name: str) -> float:
    return fmean(getattr(cost, name) for cost in costs)
