"""The rows of a file of data, whatever its kind: .jsonl (perhaps gzipped), .json, .parquet, .csv, .tsv.

A .json file is a list of records, or has one a line, as many of the hub's have. A .tsv file has no heading and two columns, question and answer, as MGSM's have. Nothing is repaired: damage is a
DataError that names the file and the row.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

from aha.errors import DataError

Row = dict[str, Any]


def rows(path: Path) -> Iterator[tuple[int, Row]]:
    """(row number, row) of every row; the first is row 1. Raises DataError for a file or row that cannot be read."""
    readers = {".jsonl": _lines, ".jsonl.gz": _lines, ".json": _list, ".parquet": _parquet, ".csv": _csv, ".tsv": _tsv}
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    kind = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if kind not in readers:
        raise DataError(f"{path} is of no known kind; rename it to end in {', '.join(readers)}, if it is one")
    empty = True
    try:
        for number, row in readers[kind](path):
            if not isinstance(row, dict):
                raise DataError(f"{path}, row {number}: not a record")
            empty = False
            yield number, row
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if empty:
        raise DataError(f"{path} has no rows")


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _json(line, f"{path}, row {number}")


def _list(path: Path) -> Iterator[tuple[int, Any]]:
    text = path.read_bytes()
    try:
        found = _json(text, str(path))
    except DataError:
        if not text.lstrip().startswith(b"{"):
            raise
        yield from _lines(path)
        return
    if not isinstance(found, list):
        raise DataError(f"{path} holds no list of records")
    yield from enumerate(found, 1)


def _json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_record)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error}); correct or remove it") from None


def _record(pairs: list[tuple[str, Any]]) -> Row:
    record = dict(pairs)
    if len(record) < len(pairs):
        double = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"two values for {double!r}")
    return record


def _parquet(path: Path) -> Iterator[tuple[int, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            batches = (batch.to_pylist() for batch in file.iter_batches(1024))
            yield from enumerate(chain.from_iterable(batches), 1)
    except (pa.ArrowException, ValueError, OverflowError) as error:  # the last two for times that Python cannot hold
        raise DataError(f"{path} cannot be read: {error}") from None


def _csv(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        headings = Counter(reader.fieldnames or ())
        if double := [name for name, count in headings.items() if count > 1]:
            raise DataError(f"{path}: two columns are called {double[0]!r}; rename one")
        for number, row in enumerate(reader, 1):
            if None in row:
                raise DataError(f"{path}, row {number}: more cells than columns; quote cells that hold a comma")
            yield number, row


def _tsv(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if line.strip():
            cells = line.split("\t")
            if len(cells) != 2:
                raise DataError(f"{path}, row {number}: {len(cells)} columns instead of question and answer")
            yield number, {"question": cells[0].strip(), "answer": cells[1].strip()}


def text_of(value: Any, where: str, part: str) -> str:
    """A cell as text; a whole number is written as one. Raises DataError for what is neither text nor a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not isfinite(value):
        kind = type(value).__name__ if not isinstance(value, float | Decimal) else str(value)
        raise DataError(f"{where}: the {part} is neither text nor a number but {kind}: {str(value)[:60]!r}; correct it")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
