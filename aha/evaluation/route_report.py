"""Does routing pay: accuracy, tokens saved, and regret against an oracle, on simple and on hard questions.

    record = measure(engine, exams(100), Settings(), folder)

Every rule runs as the strategy it is (`aha.search.route`), over a pool, so its bill is exact and nothing is drawn twice. The
classifier is fitted on one half of the questions and tested on the other, and the other way round. The oracle knows the
grades: it thinks exactly where thinking is right and the greedy direct answer is not, and pays for one answer only.
Sampled direct answers that vote may be right where neither is, so agreement may do better than it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from aha.errors import RunError
from aha.evaluation.answers import Grader
from aha.evaluation.route_exams import Exam
from aha.search.pool import Pool
from aha.search.route import Disagree, Glances, Helps, Route
from aha.search.sample import Chain, Direct, Vote
from aha.search.simple import Simple, features, fit, looks_hard
from aha.search.types import Solved, Strategy
from aha.stats import paired_difference, question_interval
from aha.types import Engine

FORMAT = "aha-route-report/1"
Record = dict[str, Any]
CHANCES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Thresholds of the classifier that are reported."""
SHARES = (0.5, 0.7, 1.0)
"""Thresholds of agreement that are reported."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How questions are answered."""

    max_tokens: int = 512
    votes: int = 1
    """Thoughts that vote; 1 thinks once, greedily."""
    glances: int = 5
    """Direct samples whose agreement is looked at."""
    seed: int = 0

    @property
    def think(self) -> Strategy:
        """What hard questions get."""
        return Chain(self.max_tokens) if self.votes == 1 else Vote(self.votes, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True)
class Row:
    """What one rule did with one question."""

    right: float
    tokens: float
    thought: bool


Rows = list[Row | None]
"""A row a question; None where the grader failed."""


def measure(
    engine: Engine,
    asked: Sequence[Exam],
    settings: Settings,
    folder: Path,
    model: str = "",
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Record, Simple]:
    """Run every rule on all questions, and fit a classifier to all of them for use on others.

    `model` names the weights of an engine that holds none. Raises RunError where graders failed on every question.
    """
    pool = Pool(engine, folder / "pool", model)
    runs = [_Run(pool, exam, settings) for exam in asked]
    for run in runs:
        say(f"{run.exam.name}: {len(run.exam.problems)} questions answered at once and with thinking")
    found = _by_itself(runs, settings) | _by_classifier(runs, settings)
    groups = [(run.exam.name, run.exam.simple) for run in runs for _ in run.exam.problems]
    whole = [q for q in range(len(groups)) if all(rows[q] is not None for rows in found.values())]
    if not whole:
        raise RunError("a grader failed on every question, so nothing can be compared")
    kept = {name: [row for q in whole if (row := rows[q]) is not None] for name, rows in found.items()}
    parts = _parts([groups[q] for q in whole])
    record = {
        "format": FORMAT, **asdict(settings), "questions": len(whole), "failed": len(groups) - len(whole),
        "parts": [{"name": name, "rules": _rules(kept, members)} for name, members in parts.items()],
    }  # fmt: skip
    return record, _fitted([(run, i) for run in runs for i in range(len(run.exam.problems))])


class _Run:
    """One exam, answered at once and with thinking."""

    def __init__(self, pool: Pool, exam: Exam, settings: Settings) -> None:
        self.pool, self.exam, self.seed = pool, exam, settings.seed
        self.grader = Grader(exam.task)
        self.direct, self.think = self.answered(Direct()), self.answered(settings.think)

    def answered(self, strategy: Strategy, members: Sequence[int] | None = None) -> list[Solved]:
        """A strategy on all questions, or some."""
        problems = self.exam.problems if members is None else [self.exam.problems[i] for i in members]
        return strategy(self.pool, self.exam.task, problems, self.seed) if problems else []

    def rows(self, found: Sequence[Solved], think: bool) -> Rows:
        """What answers that all came the same way did."""
        return [self.row(solved, think) for solved in found]

    def row(self, solved: Solved, think: bool) -> Row | None:
        """What one answer did."""
        right = self.grader.of(solved)
        return None if right is None else Row(right, solved.cost.tokens + solved.cost.scorer_tokens, think)

    def routed(self, route: Route, members: Sequence[int] | None = None) -> Rows:
        """What a route did. A question was thought about if it was at once, or has more replies than it has glances."""
        glances = route.direct.k if isinstance(route.direct, Glances) else 1
        found = self.answered(route, members)
        return [self.row(s, route.before(s.problem) or len(s.candidates) > glances) for s in found]

    def helped(self, i: int) -> float | None:
        """1 where thinking is right and the direct answer is not; None where a grader failed."""
        direct, think = self.grader.of(self.direct[i]), self.grader.of(self.think[i])
        return None if direct is None or think is None else float(think > 0.5 >= direct)


def _by_itself(runs: Sequence[_Run], settings: Settings) -> dict[str, Rows]:
    """The rules that learn nothing."""
    found: dict[str, Rows] = {"always direct": [], "always think": [], "oracle": [], "by rule": []}
    for run in runs:
        direct, think = run.rows(run.direct, think=False), run.rows(run.think, think=True)
        found["always direct"] += direct
        found["always think"] += think
        found["oracle"] += [_oracle(*both) for both in zip(direct, think, strict=True)]
        found["by rule"] += run.routed(Route(settings.think, before=looks_hard))
        for least in SHARES:
            route = Route(settings.think, Glances(settings.glances), after=Disagree(least))
            found.setdefault(f"by agreement {least:g}", []).extend(run.routed(route))
    return found


def _oracle(direct: Row | None, think: Row | None) -> Row | None:
    """The cheaper answer of the right ones; of two wrong ones the direct."""
    if direct is None or think is None:
        return None
    return think if think.right > direct.right else direct


Place = tuple[_Run, int]


def _fitted(places: Sequence[Place]) -> Simple:
    known = [(features(r.exam.problems[i], r.direct[i]), y) for r, i in places if (y := r.helped(i)) is not None]
    if not known:
        raise RunError("there are too few graded questions to fit a classifier to one half of them: ask more")
    return fit([x for x, _ in known], [y for _, y in known])


def _by_classifier(runs: Sequence[_Run], settings: Settings) -> dict[str, Rows]:
    """Each half of every exam's questions, routed by what was learnt on the other half of all."""
    halves: tuple[list[Place], list[Place]] = ([], [])
    for run in runs:
        order = list(range(len(run.exam.problems)))
        random.Random(f"route folds {run.exam.name} {settings.seed}").shuffle(order)
        for rank, i in enumerate(order):
            halves[rank % 2].append((run, i))
    found: dict[str, dict[Place, Row | None]] = {f"by classifier {least:g}": {} for least in CHANCES}
    for learn, test in (halves, halves[::-1]):
        model = _fitted(learn)
        for least in CHANCES:
            route = Route(settings.think, after=Helps(model, least))
            for run in runs:
                members = [i for own, i in test if own is run]
                rows = zip(members, run.routed(route, members), strict=True)
                found[f"by classifier {least:g}"] |= {(run, i): row for i, row in rows}
    places = [(run, i) for run in runs for i in range(len(run.exam.problems))]
    return {name: [rows[place] for place in places] for name, rows in found.items()}


def _parts(groups: Sequence[tuple[str, bool]]) -> dict[str, list[int]]:
    """Questions by what they are told under: simple, hard, all, and each exam."""
    found: dict[str, list[int]] = {"simple": [], "hard": [], "all": []}
    for q, (name, simple) in enumerate(groups):
        for part in ("simple" if simple else "hard", "all", name):
            found.setdefault(part, []).append(q)
    return {name: members for name, members in found.items() if members}


def _rules(kept: dict[str, list[Row]], members: Sequence[int]) -> list[Record]:
    """Every rule on some questions: what it earned and took, against always thinking and against the oracle."""
    own = {name: [rows[q] for q in members] for name, rows in kept.items()}
    think, oracle = own["always think"], own["oracle"]
    return [
        {
            "rule": name, **asdict(question_interval([[row.right] for row in rows])), "tokens": _tokens(rows),
            "thought": fmean(row.thought for row in rows),
            "saved": 1 - _tokens(rows) / _tokens(think) if _tokens(think) else 0.0,
            "over_think": None if rows is think else asdict(_difference(rows, think)),
            "regret": None if rows is oracle else asdict(_difference(oracle, rows)),
            "regret_tokens": _tokens(rows) - _tokens(oracle),
        }
        for name, rows in own.items()
    ]  # fmt: skip


def _tokens(rows: Sequence[Row]) -> float:
    return fmean(row.tokens for row in rows)


def _difference(a: Sequence[Row], b: Sequence[Row]) -> Any:
    return paired_difference([[row.right] for row in a], [[row.right] for row in b])
