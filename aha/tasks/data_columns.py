"""Columns under the names that a kind of data reads: by a map, or by what such columns are mostly called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from aha.errors import DataError
from aha.tasks.benchmarks_rows import Row
from aha.tasks.data_kinds import Kind

Columns = Mapping[str, str | int]
"""What the kind reads -> the data's own column, or a number that is the same in every row."""


def renamed(row: Row, kind: Kind, columns: Columns, where: str) -> Row:
    """A row as its kind reads it. Raises DataError, which says what there is, for a column that is not there."""
    found = dict(row)
    for part, given in columns.items():
        if isinstance(given, str) and given not in row:
            raise DataError(f"{where}: no column {given!r}; {hint(given, row)}")
        for other in (*kind.columns.get(part, ()), *(["Body"] if part == "question" else [])):
            found.pop(other, None)
        found[part] = row[given] if isinstance(given, str) else given
    for part in kind.columns:
        if part not in columns and (name := source_of(part, row, kind, columns)):
            found[part] = row[name]
    lacking = [part for part in kind.columns if found.get(part) is None and part not in kind.either]
    if kind.either and all(found.get(part) is None for part in kind.either):
        lacking.append(kind.either[0])
    if lacking:
        part, usual = lacking[0], kind.columns[lacking[0]]
        if empty := [name for name in (columns.get(part), *usual) if isinstance(name, str) and name in row]:
            raise DataError(f"{where}: the {part} ({empty[0]!r}) is empty; fill it in, or remove the row")
        raise DataError(
            f"{where}: nothing for the {part}, which is looked for under {', '.join(usual)}; {hint(part, row)}; "
            f"name the column as columns.{part}"
        )
    return found


def source_of(part: str, row: Row, kind: Kind, columns: Columns) -> str:
    """Which of a row's columns becomes a part of the problem, empty for none."""
    if part in columns:
        return str(columns[part])
    return next((name for name in kind.columns[part] if row.get(name) is not None), "")


def check_columns(columns: Columns, kind: Kind) -> None:
    """Raise DataError for a map that names what the kind does not read."""
    for part in columns:
        if kind.columns and part not in kind.columns:
            raise DataError(f"columns.{part}: rows of kind {kind.name} have no such part; {hint(part, kind.columns)}")


def hint(name: str, known: Collection[str]) -> str:
    """The nearest of the names that there are, and all of them."""
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), folded, 1)
    meant = f"did you mean {folded[near[0]]!r}? " if near else ""
    return f"{meant}it has: {', '.join(map(str, known))}"
