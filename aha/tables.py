"""Rows in files: JSON records, one a line, and Parquet. A line that a crash cut short is left out; other damage is told."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aha.errors import RunError


def json_line(record: dict[str, Any]) -> bytes:
    """A record as a line of a log; NaN and infinity become null."""
    return (json.dumps(_finite(record), allow_nan=False, default=str) + "\n").encode()


def _finite(value: Any) -> Any:
    """A value as JSON can hold it: arrays and tensors as numbers, NaN and infinity as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """The records of a log. A last line cut short by a crash is left out; damage elsewhere is an error."""
    return [record for _, record in records(file)]


def records(file: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line with its record, but not a last one cut short."""
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            yield line, dict(json.loads(line))
        except (ValueError, TypeError):
            if line.endswith(b"\n"):
                raise RunError(f"{file}:{number}: not a JSON record; mend or delete this line") from None


def mend(file: Path) -> None:
    """End the last line, or remove what a crash left of it, so that the next record starts on a line of its own."""
    data = file.read_bytes() if file.exists() else b""
    tail = data.rpartition(b"\n")[2]
    if not tail:
        return
    try:
        json.loads(tail)
    except ValueError:
        os.truncate(file, len(data) - len(tail))
    else:
        with file.open("ab") as stream:
            stream.write(b"\n")


def parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    """Rows as Parquet bytes. A column whose values share no type is kept as JSON text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        try:
            column = pa.array(values)
            pq.write_table(pa.table({name: column}).slice(0, 0), io.BytesIO())  # a few types exist in memory only
        except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
            column = pa.array([json.dumps(value, default=str) for value in values])
        columns[name] = column
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def read_parquet(file: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file; RunError when it is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{file} cannot be read: {error}") from None
