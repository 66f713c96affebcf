"""Questions from data as tasks: from files, the hub or reasoning-gym (`data_names`), each of one kind (`data_kinds`).

    [data]
    train = "openai/gsm8k:main"       # its test split is for testing
    kind = "number"
    columns = { answer = "final" }    # only where columns have unusual names

All rows are read before anything trains, so that a damaged one is told at once. What shares ten words in a row with a
test question is not trained on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from aha.config import Settings
from aha.errors import DataError
from aha.tasks import benchmarks_grade, data_names
from aha.tasks.base import Task
from aha.tasks.benchmarks import Benchmark
from aha.tasks.benchmarks_rows import Row
from aha.tasks.data_kinds import KINDS, is_held_out
from aha.tasks.data_presets import KNOWN
from aha.tasks.data_read import Rows, rows_of, rubric, worded
from aha.tasks.overlap import Asked
from aha.types import Problem

Placed = tuple[str, Row]
"""Where a row stands, and the row."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A task, and what is to be said of how it came about."""

    task: Task
    notes: list[str]


class Data(Settings):
    """Questions from data."""

    train: str
    """What to train on: a short name such as gsm8k, a name on the hub, a file or folder, or gym:TASK."""
    test: str = ""
    """What to test on. Without it the test split of the same data, or else one row in ten, which is not trained on."""
    kind: str = ""
    """number, math, countdown, code, choice or text. Without it what the data are known to be, or look like."""
    columns: dict[str, str | int] = {}
    """The data's own names of columns, such as { question = "Problem" }; a number is the same in every row."""
    language: str = ""
    """The language of the questions. Without it the data set's, or en."""
    wording: str = ""
    """How a question is put, with {question} in it. Without it the question, and a line that says how to answer."""
    format: float = Field(0.1, ge=0)
    """Weight of the template in the reward, beside 1 for the right answer."""
    test_count: int = Field(1000, ge=1)
    """At most this many test questions."""

    def load(self, plain: bool = False, apart: Sequence[Rows] = ()) -> Loaded:
        """The task, and what was left out; with `plain` its template is left to a server.

        What is like a question of the rows `apart` is not trained on either. Raises DataError for data that cannot be used.
        """
        if self.train.startswith(data_names.GYM):
            from aha.tasks.gym import gym

            return Loaded(gym(self.train, self.test_count, self.wording, self.format, plain), [])
        return _loaded(self, plain, apart)

    def rows(self, name: str, side: str) -> Rows:
        """The rows of one of the two names. A data set known by a short name needs no columns of the other's."""
        mine = side == "train" or name.partition("#")[0] not in KNOWN
        return rows_of(name, side, self.kind, self.columns if mine else None, self.language if mine else "")


def _loaded(s: Data, plain: bool, apart: Sequence[Rows]) -> Loaded:
    given, left_out = s.rows(s.train, "train"), list[str]()
    put = worded(s.wording, given.kind, plain)
    whole = s.train.removesuffix("#train")
    other = s.test or (whole if data_names.has_side(whole, "test") else "")
    tested = s.rows(other, "test") if other else given
    if given.kind.correct is not tested.kind.correct:
        kinds = f"{s.train} is of kind {given.kind.name} and {other} of kind {tested.kind.name}"
        raise DataError(f"{kinds}; both must be one")
    asked = [(at, problem) for at, _, problem in tested.problems(left_out) if other or is_held_out(problem, given.kind)]
    random.Random("data test").shuffle(asked)  # files are often sorted, and evaluations take the first
    puzzles = KINDS["countdown"]
    comparable = [rows for rows in apart if (rows.kind is puzzles) is (given.kind is puzzles)]
    others = [(at, problem) for rows in comparable for at, _, problem in rows.problems(left_out)]
    kept, count = _apart(given, [*asked, *others])
    if not kept or not asked:
        lacks = "test" if kept else "train"
        raise DataError(f"{s.train} leaves nothing to {lacks} on; give more rows, or others under test")
    test = [put(problem) for _, problem in asked[: s.test_count]]
    task = Task(given.source.title, _draw(given, kept, put), test, rubric(given.kind, s.format), given.kind.votes)
    held = f"the rows of {other}" if other else "one row in ten"
    notes = [f"data: {len(kept)} rows of {s.train}, of kind {given.kind.name}; {len(asked)} to test on, {held}"]
    shared = count - len(kept) - (0 if other else len(asked))
    return Loaded(task, notes + _losses(shared, left_out))


def _losses(shared: int, left_out: Sequence[str]) -> list[str]:
    """What is not trained or tested on, in words."""
    told = [f"  {shared} more rows are like a test question and are not trained on"] if shared else []
    if left_out:
        told.append(f"  {len(left_out)} rows have tests that cannot be posed, such as {left_out[0]}")
    return told


def _apart(given: Rows, asked: Sequence[tuple[str, Problem]]) -> tuple[list[Placed], int]:
    """The rows that are none of the test questions and share no run of words with one, and how many there were.

    Puzzles of few numbers are all worded alike, so only the puzzle itself counts.
    """
    keys = {given.kind.key(problem) for _, problem in asked}
    met = Asked([] if given.kind.name == "countdown" else [(where, problem.prompt) for where, problem in asked])
    kept, count = [], 0
    for where, row, problem in given.problems():
        count += 1
        if given.kind.key(problem) not in keys and not met.meets(problem.prompt):
            kept.append((where, row))
    return kept, count


def _draw(rows: Rows, kept: Sequence[Placed], put: Callable[[Problem], Problem]) -> Callable[[int, int], list[Problem]]:
    """Draws training problems. Rows are made problems when they are drawn: half a million would fill the memory."""

    @lru_cache(maxsize=4096)
    def at(i: int) -> Problem:
        return put(rows.problem(*kept[i]))

    def draw(count: int, seed: int) -> list[Problem]:
        return [at(i) for i in picks(len(kept), count, f"data {seed}")]

    return draw


def picks(of: int, count: int, seed: str) -> list[int]:
    """The first `count` of a random order of `of` things, which is gone through anew each time it ends."""
    draw, picked, seen = random.Random(seed), list[int](), set[int]()
    while len(picked) < count:
        if len(seen) == of:
            seen.clear()
        i = draw.randrange(of)
        while i in seen:
            i = draw.randrange(of)
        seen.add(i)
        picked.append(i)
    return picked


def benchmark(rows: Rows, wording: str = "", plain: bool = False) -> Benchmark:
    """All rows as questions to measure with, in their order. Mathematics and letters are read leniently, as benchmarks are."""
    left_out = list[str]()
    put = worded(wording, rows.kind, plain)
    test = [put(problem) for _, _, problem in rows.problems(left_out)]
    exams = {
        benchmarks_grade.mathematical_answer: benchmarks_grade.mathematics,
        benchmarks_grade.chosen_letter: benchmarks_grade.multiple_choice,
    }
    read = exams[rows.kind.votes]() if rows.kind.votes in exams else rubric(rows.kind, 0.0)

    def none(count: int, seed: int) -> list[Problem]:
        raise DataError(f"{rows.source.name} is asked, not trained on")

    return Benchmark(Task(rows.source.title, none, test, read, rows.kind.votes), tuple(left_out))
