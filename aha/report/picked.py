"""Which of a run's replies are worth reading, found in one pass that holds a few of them at a time.

A long run keeps millions of replies, a Parquet file for each step. Of so many files only some are read, spread evenly
over the run, a batch of rows at a time; what is shown says how many that were.
"""

from __future__ import annotations

import heapq
import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from aha.chat import is_mixed
from aha.record import Row, evenly, value

FILES, BATCH, EACH = 24, 1024, 4
"""Files that are read at most, rows at a time, and replies that are kept of each kind."""
LATE = 1 / 3
"""The best, the worst and random replies are those of the last third of the run."""
COLUMNS = (
    "problem",
    "prompt",
    "sample",
    "reply",
    "reward",
    "parts",
    "reason",
    "finish",
    "tokens",
    "advantage",
    "probe",
)
SUSPICIONS = {
    "long": "far longer than others",
    "cut off": "cut off",
    "wrong": "wrong by a rule",
    "mixed": "in two languages",
    "repeats": "full of repetitions",
    "same": "the same for many prompts",
}
"""What a rewarded reply should not be."""


class Keeper:
    """The rows with the highest scores, one for each problem."""

    def __init__(self, most: int = EACH) -> None:
        self.most, self.best = most, dict[str, tuple[tuple[float, ...], Row]]()

    def offer(self, row: Row, *score: float) -> None:
        """Keep the row if it is among the best; of two with the same score the earlier."""
        problem = str(row.get("problem"))
        if problem not in self.best or score > self.best[problem][0]:
            self.best[problem] = score, row
        if len(self.best) > 16 * self.most:
            self.best = dict(heapq.nlargest(self.most, self.best.items(), key=_score))

    def rows(self) -> list[Row]:
        """The best first."""
        return [row for _, (_, row) in heapq.nlargest(self.most, self.best.items(), key=_score)]


def _score(item: tuple[str, tuple[tuple[float, ...], Row]]) -> tuple[float, ...]:
    return item[1][0]


@dataclass
class Found:
    """What a pass over the replies came upon."""

    files: int = 0
    """Files that were read, and that there are."""
    of: int = 0
    replies: int = 0
    rewarded: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Suspicious replies by kind."""
    best: Keeper = field(default_factory=Keeper)
    worst: Keeper = field(default_factory=Keeper)
    drawn: Keeper = field(default_factory=Keeper)
    suspects: dict[str, Keeper] = field(default_factory=lambda: {kind: Keeper(2) for kind in SUSPICIONS})
    troubles: list[str] = field(default_factory=list)


def scan(root: Path) -> Found:
    """Look through the replies of a run. A file that cannot be read is told and left out."""
    import pyarrow as pa

    files = sorted((int(digits), file) for file in (root / "samples").glob("step-*.parquet") if (digits := file.stem[5:]).isdecimal())  # fmt: skip
    chosen = [files[i] for i in evenly(range(len(files)), FILES)]
    found, generator = Found(of=len(files)), random.Random(0)
    for place, (step, file) in enumerate(chosen):
        try:
            usual = _usual(file)
            for row in _rows(file, COLUMNS):
                _look(found, row | {"step": step}, usual, generator, late=place >= int(len(chosen) * (1 - LATE)))
            found.files += 1
        except (OSError, ValueError, pa.ArrowException) as error:
            found.troubles.append(f"{file.name} cannot be read and is left out: {error}")
    return found


def _rows(file: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The replies drawn in training, batch by batch: those to fixed prompts have a place of their own."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        held = [name for name in columns if name in opened.schema_arrow.names]
        for batch in opened.iter_batches(BATCH, columns=held):
            yield from (row for row in batch.to_pylist() if not row.get("probe"))


@dataclass(frozen=True, slots=True)
class _Usual:
    """What the replies of a step are like."""

    best: float
    tokens: float
    repeated: frozenset[int]
    """Hashes of replies that five prompts or more got."""


def _usual(file: Path) -> _Usual:
    best, lengths, prompts = 0.0, list[float](), dict[int, set[str]]()
    for row in _rows(file, ("reward", "tokens", "reply", "problem", "probe")):
        best = max(best, value(row, "reward") or 0.0)
        lengths.append(value(row, "tokens") or 0.0)
        text = str(row.get("reply") or "")
        if len(text) > 60:
            prompts.setdefault(_mark(text), set()).add(str(row.get("problem")))
    many = frozenset(mark for mark, asked in prompts.items() if len(asked) >= 5)
    return _Usual(best, median(lengths) if lengths else 0.0, many)


def _mark(text: str) -> int:
    """The same in every process, which `hash` is not."""
    return zlib.crc32(text.encode("utf-8", "replace"))


def _look(found: Found, row: Row, usual: _Usual, generator: random.Random, late: bool) -> None:
    """Offer a reply to all keepers."""
    found.replies += 1
    reward, step = value(row, "reward"), row["step"]
    if late:
        found.drawn.offer(row, generator.random())
    if reward is None:
        return
    advantage = value(row, "advantage") or 0.0
    if late:
        found.best.offer(row, reward, advantage, step)
        found.worst.offer(row, -reward, -advantage, step)
    if usual.best > 0 and reward >= usual.best / 2:
        found.rewarded += 1
        for kind in suspicions(row, usual):
            found.counts[kind] += 1
            found.suspects[kind].offer(row, reward, value(row, "tokens") or 0.0, step)


def suspicions(row: Row, usual: _Usual) -> Iterator[str]:
    """Why a rewarded reply looks as if it should not be."""
    text, tokens = str(row.get("reply") or ""), value(row, "tokens") or 0.0
    if tokens > max(64.0, 4 * usual.tokens):
        yield "long"
    if row.get("finish") == "length":
        yield "cut off"
    if _parts(row).get("correct") == 0:
        yield "wrong"
    if is_mixed(text):
        yield "mixed"
    if repeats(text):
        yield "repeats"
    if _mark(text) in usual.repeated:
        yield "same"


def _parts(row: Row) -> dict[str, Any]:
    try:
        parts = json.loads(str(row.get("parts") or "{}"))
    except ValueError:
        return {}
    return parts if isinstance(parts, dict) else {}


_LINES = re.compile(r"[\n.。;；!！?？]")


def repeats(text: str, share: float = 0.5) -> bool:
    """Whether more than `share` of its lines or sentences say what an earlier one said; six or more of them."""
    said = [part.strip() for part in _LINES.split(text) if part.strip()]
    return len(said) >= 6 and 1 - len(set(said)) / len(said) > share
