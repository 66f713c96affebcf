"""Rows of data as problems: a name, what its rows ask for, and which column is what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aha.chat import render
from aha.errors import DataError
from aha.rewards.format import formatted
from aha.rewards.rubric import Grade, Rubric
from aha.tasks import data_names
from aha.tasks.asserts import NotPlain
from aha.tasks.benchmarks import id_of
from aha.tasks.benchmarks_rows import Row
from aha.tasks.data_columns import Columns, check_columns, renamed
from aha.tasks.data_kinds import KINDS, PAIRS, Kind, kind_of
from aha.tasks.data_names import Source
from aha.types import Completion, Problem

LONGEST = 100_000
"""Characters of a question."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one kind, under one name."""

    source: Source
    kind: Kind
    columns: Columns = field(default_factory=dict)
    language: str = "en"

    def problems(self, left_out: list[str] | None = None) -> Iterator[tuple[str, Row, Problem]]:
        """(where it stands, the row, its problem with the bare question as prompt) of every row that can be one.

        A line for each program whose tests cannot be posed goes to `left_out`. Raises DataError at the first damaged row.
        """
        for where, row in self.source.rows():
            try:
                yield where, row, self.problem(where, row)
            except NotPlain as reason:
                if left_out is not None:
                    left_out.append(f"{where}: {reason}")

    def problem(self, where: str, row: Row) -> Problem:
        """The problem of a row. Raises DataError, and NotPlain for a program whose tests cannot be posed."""
        problem = self.kind.read(renamed(row, self.kind, self.columns, where), where, self.language)
        if len(problem.prompt) > LONGEST:
            raise DataError(f"{where}: a question of {len(problem.prompt)} characters; at most {LONGEST} are read")
        file, _, number = where.rpartition(", row ")
        stem, title = Path(file).name.partition(".")[0], self.source.title
        return replace(
            problem,
            id=f"{title}/{id_of(row, int(number))}" if stem == title else f"{title}/{stem}/{id_of(row, int(number))}",
        )


def rows_of(name: str, side: str, kind: str = "", columns: Columns | None = None, language: str = "") -> Rows:
    """Rows under a name. Without a kind, it is the data set's known one, or what the first row's columns speak of.

    Raises DataError, one line, for a name, a kind or a column that cannot be.
    """
    source = data_names.source(name, side)
    known = source.known
    mapped: Columns = columns or (known.columns if known else {})
    named = kind or (known.kind if known else "") or kind_of({**next(source.rows())[1], **mapped})
    if named == PAIRS:
        raise DataError(f"{name} holds preference pairs, which train a reward model and ask nothing that a rule grades")
    if named not in KINDS:
        raise DataError(f"no kind of data {named!r}; there are: {', '.join([*KINDS, PAIRS])}")
    check_columns(mapped, KINDS[named])
    return Rows(source, KINDS[named], mapped, language or (known.language if known else "en"))


def rubric(kind: Kind, weight: float) -> Rubric:
    """A kind's reward, under the name that every task's has, and the template beside it."""

    def correct(problem: Problem, group: Sequence[Completion]) -> Sequence[Grade]:
        """1 or 0, by the rule of the kind."""
        return kind.correct(problem, group)

    return Rubric((1.0, correct), (weight, formatted))


def worded(wording: str, kind: Kind, plain: bool = False) -> Callable[[Problem], Problem]:
    """Puts a bare question: in `wording`, which holds {question}, or with a line that says how to answer.

    With `plain` the template is left to a server. Raises DataError for a wording without the question.
    """
    text = wording or f"{{question}}\n{kind.ask}"
    if "{question}" not in text:
        raise DataError(f"the wording {wording[:60]!r} does not hold {{question}}, where the question goes")

    def put(problem: Problem) -> Problem:
        asked = text.replace("{question}", problem.prompt)
        return replace(problem, prompt=asked if plain else render(asked))

    return put
