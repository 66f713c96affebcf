"""Read Countdown rows from Parquet, JSONL or CSV files with the columns `nums` and `target`, as TinyZero's have them.

Nothing is repaired: a row that cannot be used is a DataError that names the file, the row (the first is row 1) and
what to do.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aha.errors import DataError

FEWEST, MOST = 2, 6
LARGEST = 999_999
_SPLIT = re.compile(r"[\s,;]+")
_WHOLE = re.compile(r"-?[0-9]{1,12}")


def rows(path: Path) -> Iterator[tuple[int, tuple[int, ...], int]]:
    """(row number, numbers, target) of every row. Raises DataError at the first that cannot be used."""
    readers = {".parquet": _parquet, ".jsonl": _jsonl, ".csv": _csv}
    if not path.is_file():
        raise DataError(f"{path} is missing or not a file; give a Parquet, JSONL or CSV file of Countdown rows")
    if path.suffix not in readers:
        raise DataError(f"{path} is of no known kind; rename it to end in {', '.join(readers)}")
    empty = True
    try:
        for number, row in readers[path.suffix](path):
            empty = False
            yield number, *puzzle(row, f"{path}, row {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if empty:
        raise DataError(f"{path} has no rows; each needs `nums` and `target`")


def _parquet(path: Path) -> Iterator[tuple[int, Any]]:
    import pyarrow  # here, so that the generator works without it
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        if not {"nums", "target"} <= set(file.schema_arrow.names):
            raise DataError(f"{path} lacks a column; it needs `nums` and `target`")
        table = file.read(columns=["nums", "target"])
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    yield from enumerate(table.to_pylist(), 1)


def _jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, row {number}: not JSON ({error}); correct or remove the row") from error


def _csv(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            nums, target = row.get("nums"), row.get("target")
            if isinstance(nums, str):
                row["nums"] = listed(nums)
            yield number, {**row, "target": whole(target)}


def listed(text: str) -> list[Any]:
    """The numbers of a cell such as "1 1 4 6" or "[1, 1, 4, 6]"; what is no number is handed on."""
    return [whole(part) for part in _SPLIT.split(text.strip("[]() ")) if part]


def whole(text: Any) -> Any:
    """A number from a cell; anything else is handed on, to be named in the error."""
    return int(text) if isinstance(text, str) and _WHOLE.fullmatch(text.strip()) else text


def puzzle(row: Any, where: str) -> tuple[tuple[int, ...], int]:
    """The numbers and the target of a row. Raises DataError for one that cannot be used."""
    if not isinstance(row, dict):
        raise DataError(f"{where}: not a record; write it as {{'nums': [44, 19, 35], 'target': 98}}")
    numbers: Any = row.get("nums")
    target: Any = row.get("target")
    if not isinstance(numbers, list) or not numbers:
        raise DataError(f"{where}: `nums` is {_brief(numbers)}; it must list the numbers, or remove the row")
    for number in numbers:
        if not _is_whole(number) or not 1 <= number <= LARGEST:
            raise DataError(f"{where}: `nums` holds {_brief(number)}; use whole numbers from 1 to {LARGEST}")
    if not FEWEST <= len(numbers) <= MOST:
        raise DataError(f"{where}: {len(numbers)} numbers; a puzzle has {FEWEST} to {MOST}, so remove the row")
    if not _is_whole(target) or abs(target) > LARGEST:
        raise DataError(f"{where}: `target` is {_brief(target)}; use a whole number up to {LARGEST}")
    return tuple(numbers), target


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _brief(value: Any) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
