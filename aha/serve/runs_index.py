"""The replies of a run in a database of their own, taken in from its files as these appear.

The Parquet files stay what counts. The database lies in a temporary folder, can be made again at any time, and has no
way to files or the network: rows come to it from here, each file on its own, so that a damaged one costs only itself.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aha.disk import step_of
from aha.errors import RunError
from aha.tables import records

PARTS = pa.map_(pa.string(), pa.float64())
COLUMNS = {
    "problem": pa.string(), "prompt": pa.string(), "sample": pa.int64(), "reply": pa.string(), "reward": pa.float64(),
    "parts": PARTS, "reason": pa.string(), "finish": pa.string(), "tokens": pa.int64(), "advantage": pa.float64(),
    "probe": pa.bool_(),
}  # fmt: skip
PLACE = (("file", pa.int64()), ("step", pa.int64()), ("row", pa.int64()))
SCHEMA = pa.schema([*PLACE, *COLUMNS.items(), ("low", pa.string())])
TABLE = """CREATE TABLE replies (file BIGINT, step BIGINT, row BIGINT, problem VARCHAR, prompt VARCHAR, sample BIGINT,
reply VARCHAR, reward DOUBLE, parts MAP(VARCHAR, DOUBLE), reason VARCHAR, finish VARCHAR, tokens BIGINT,
advantage DOUBLE, probe BOOLEAN, low VARCHAR)"""
"""`low` is the reply in small letters: making it for each search would take ten times as long as searching."""
SETTINGS = {
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "enable_external_access": "false",
    "checkpoint_threshold": "'256MB'",  # rows are packed for good once, not with every batch
}  # fmt: skip
BATCH = 16_384
"""Rows that are taken in at a time."""
LINES = 2048
"""Rows of a file that are in memory at a time."""
LONGEST = 1 << 20
"""Characters of a text that are kept."""


class Index:
    """The replies in the files of one stage. One thread at a time may use it: hold `lock`."""

    def __init__(self, database: Path) -> None:
        self.lock = threading.RLock()
        self.damaged: dict[str, str] = {}
        """A sentence for each file that cannot be read."""
        self.version = 0
        """Grows with every change."""
        self.looked_for: object = None
        """What the temporary table `hits` holds."""
        self._seen: dict[Path, tuple[int, int, int]] = {}
        self._numbers = 0
        self._database = database
        database.unlink(missing_ok=True)
        self.db = duckdb.connect(str(database), config={"threads": "2", "memory_limit": "1GB"})
        for setting, value in SETTINGS.items():
            self.db.execute(f"SET {setting} = {value}")
        self.db.execute(TABLE)

    def close(self) -> None:
        """Delete the database."""
        with self.lock:
            self.db.close()
            for file in self._database.parent.glob(f"{self._database.name}*"):
                if file.is_file():
                    file.unlink()

    def refresh(self, files: Sequence[Path], seconds: float) -> int:
        """Take in what is new among `files`, the last ones first, for about so long and at least one of them;
        returns how many are left."""
        until = time.monotonic() + seconds
        prints = {file: found for file in files if (found := _print(file))}
        for file in [file for file in self._seen if self._seen[file][:2] != prints.get(file)]:
            self._drop(file)
        left = [file for file in reversed(files) if file in prints and file not in self._seen]
        tables: list[pa.Table] = []
        for done, file in enumerate(left, 1):
            tables += self._take(file, prints[file])
            late = time.monotonic() > until
            if late or done == len(left) or sum(map(len, tables)) >= BATCH:
                self._insert(tables)
                tables = []
            if late:
                return len(left) - done
        return 0

    def _take(self, file: Path, prints: tuple[int, int]) -> list[pa.Table]:
        """The rows of a file; none and a sentence where it is damaged."""
        self._numbers += 1
        self._seen[file] = (*prints, self._numbers)
        self.damaged.pop(file.name, None)
        self.version += 1
        tables: list[pa.Table] = []
        rows = 0
        try:
            for table in _tables(file):
                tables.append(_shaped(table, self._numbers, max(0, step_of(file)), rows))
                rows += len(table)
                if len(tables) * LINES >= BATCH:  # a large file goes in piece by piece
                    self._insert(tables)
                    tables = []
        except (OSError, ValueError, TypeError, pa.ArrowException, RunError) as error:
            self.damaged[file.name] = f"{file.name} cannot be read: {error}"[:300]
        return tables

    def _insert(self, tables: Sequence[pa.Table]) -> None:
        if not tables:
            return
        fresh = pa.concat_tables(tables)
        self.db.register("fresh", fresh)
        self.db.execute("INSERT INTO replies SELECT * FROM fresh")
        self.db.unregister("fresh")

    def _drop(self, file: Path) -> None:
        """Forget a file that has changed or gone."""
        self.version += 1
        self.damaged.pop(file.name, None)
        self.db.execute("DELETE FROM replies WHERE file = ?", [self._seen.pop(file)[2]]).fetchall()


def _print(file: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _tables(file: Path) -> Iterator[pa.Table]:
    """A file piece by piece. Raises what its reader raises."""
    if file.suffix == ".jsonl":
        rows = [_collected(record, file) for _, record in records(file)]
        for at in range(0, len(rows), LINES):
            yield pa.Table.from_pylist(rows[at : at + LINES])
        return
    with pq.ParquetFile(file) as parquet:
        wanted = [name for name in parquet.schema_arrow.names if name in COLUMNS]
        for batch in parquet.iter_batches(LINES, columns=wanted):
            table = pa.Table.from_batches([batch])
            table.validate(full=True)  # offsets and UTF-8: the file may lie
            yield table


def _collected(record: dict[str, Any], file: Path) -> dict[str, Any]:
    """A row of a data file as a reply: what a filter said stands for the reason."""
    kept = "" if file.name.startswith("rejected") else "kept"
    told = {key: record.get(key) for key in ("prompt", "reply", "tokens")}
    return {**told, "problem": record.get("id"), "reason": str(record.get("reason") or kept), "sample": 0}


def _shaped(table: pa.Table, file: int, step: int, before: int) -> pa.Table:
    """A table with the columns of the database; what a file lacks is null."""
    n = len(table)
    found = [
        pa.array([file] * n, pa.int64()),
        pa.array([step] * n, pa.int64()),
        pa.array(range(before, before + n), pa.int64()),
    ]
    for name, kind in COLUMNS.items():
        column = table[name].combine_chunks() if name in table.column_names else pa.nulls(n)
        found.append(_parts(column) if name == "parts" else _cast(column, kind))
    found.append(pc.utf8_lower(found[SCHEMA.get_field_index("reply")]))
    return pa.Table.from_arrays(found, schema=SCHEMA)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column in the type it should have; what is no number, and NaN, becomes null, and other things text."""
    try:
        column = column.cast(kind, safe=False)
    except pa.ArrowException:
        if kind != pa.string():
            return pa.nulls(len(column), kind)
        column = pa.array([json.dumps(value, default=str) for value in column.to_pylist()], kind)
    if kind == pa.float64():
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    longest = pc.max(pc.binary_length(column)).as_py() if kind == pa.string() else 0
    return pc.utf8_slice_codeunits(column, 0, LONGEST) if (longest or 0) > LONGEST else column


def _parts(column: pa.Array) -> pa.Array:
    """Reward parts from JSON text. Many replies share one text, so each is read once."""
    texts = _cast(column, pa.string()).dictionary_encode()
    read = [_pairs(text) for text in texts.dictionary.to_pylist()]
    return pa.array(read, PARTS).take(texts.indices)


def _pairs(text: str) -> list[tuple[str, float]]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(told, dict):
        return []
    numbers = [(str(name), value) for name, value in told.items() if isinstance(value, int | float)]
    return [(name, float(value)) for name, value in numbers if abs(value) < 1e300]
