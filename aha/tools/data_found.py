"""What the commands of `aha data` found: as a record for programs, and as lines to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aha.page import plain

LISTED = 20
"""Rows named one by one; of more only the number is told."""


@dataclass
class Shown:
    """What a name holds."""

    name: str
    rows: int | None
    """None where they are made as they are needed."""
    licence: str | None = None
    files: list[str] = field(default_factory=list)
    kind: str = ""
    language: str = ""
    columns: dict[str, str | None] = field(default_factory=dict)
    """Which column each part of a question is read from."""
    not_read: list[str] = field(default_factory=list)
    samples: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Rows as they are asked: where each stands, and its parts."""

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"samples": [{"where": where, **parts} for where, parts in self.samples]}

    def lines(self) -> Iterator[str]:
        """To be read."""
        if self.rows is None:
            yield f"{self.name}: made as they are needed, graded by the task's own verifier"
        else:
            yield f"{self.name}: {self.rows} rows, licence {self.licence or 'not stated'}"
            yield from (f"  {file}" for file in self.files)
            paired = self.kind == "pairs"
            yield (
                "kind pairs: two replies to a prompt, for a reward model"
                if paired
                else (f"kind {self.kind}, language {self.language}")
            )
            width = max(map(len, self.columns), default=0)
            yield from (f"  {part:<{width}}  <- {column or '(none)'}" for part, column in self.columns.items())
            if self.not_read:
                yield f"  {'not read' if self.columns else 'columns'}: {', '.join(self.not_read)}"
        for where, parts in self.samples:
            yield from _sample(where, parts)


def _sample(where: str, parts: dict[str, str]) -> Iterator[str]:
    yield ""
    yield where
    for name, text in parts.items():
        first, *more = plain(text if len(text) <= 600 else f"{text[:600]} ...").splitlines() or [""]
        yield f"  {name}: {first}"
        yield from (f"    {line}" for line in more)


@dataclass
class Checked:
    """What a check found: counts by outcome, and a line for each row that is not right."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every row that makes a question is right."""
        return bool(self.counts["right"]) and not any(self.counts[bad] for bad in ("wrong", "damaged", "not graded"))

    def add(self, outcome: str, line: str = "") -> None:
        """Count a row."""
        self.counts[outcome] += 1
        if line:
            self.named.append(line)

    def record(self) -> dict[str, Any]:
        """As JSON can hold it, every row named."""
        counts = {outcome: count for outcome, count in self.counts.items() if count}
        return {"name": self.name, "good": self.good, "counts": counts, "named": self.named}

    def lines(self) -> Iterator[str]:
        """The counts, and the rows that are not right."""
        yield f"{self.name}: " + ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        yield from (f"  {plain(line)}" for line in self.named[:LISTED])
        if len(self.named) > LISTED:
            yield f"  and {len(self.named) - LISTED} more"


@dataclass(frozen=True)
class Against:
    """One set of evaluation rows, and how many rows to train on met one of them."""

    name: str
    questions: int
    met: int
    templates: int
    """Runs of words that are how the set asks, and count for nothing."""


@dataclass(frozen=True)
class Decontaminated:
    """Rows kept and left out, and whom each met."""

    train: str
    kept: int
    out: Path
    ngram: int
    against: list[Against]
    removed: list[dict[str, Any]]
    """Where each row left out stands, what it meets and what they share."""
    removed_file: Path
    """All of them, with their columns."""

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"out": str(self.out), "removed_file": str(self.removed_file)}

    def lines(self) -> Iterator[str]:
        """To be read."""
        yield f"{self.train}: {self.kept} of {self.kept + len(self.removed)} rows kept in {self.out}"
        for one in self.against:
            wording = f"; {one.templates} runs are how it asks and count for nothing" if one.templates else ""
            yield f"  {one.name}: {one.met} rows meet one of its {one.questions} questions{wording}"
        yield f"  to meet is to share {self.ngram} words in a row, or a shorter question whole"
        for gone in self.removed[:LISTED]:
            first = gone["meets"][0]
            yield plain(f"  {gone['row']} meets {first['where']}: {first['shared'][:120]}")
        if self.removed:
            yield f"  all of them, with the words they share: {self.removed_file}"
