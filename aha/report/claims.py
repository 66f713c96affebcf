"""The paper's claims as `aha claims` measured them, from its claims.json, as a part of a report or as one of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aha.errors import RunError
from aha.pipeline.claims import SHARES
from aha.report.blocks import Block, Document, Fact, Facts, Finding, Findings, Fold, Level, Section, Table, Text

FILE = "claims.json"
LEVELS: dict[str, Level] = {"holds": "good", "does not hold": "problem", "undecided": "note", "not measured": "note"}


def document(root: Path) -> Document:
    """The report of a folder of claims. Raises RunError when its file cannot be read."""
    rows = read(root / FILE)
    counts = {verdict: sum(row.get("verdict") == verdict for row in rows) for verdict in LEVELS}
    tiles = Facts([Fact(verdict, str(n), f"of {len(rows)} claims") for verdict, n in counts.items()])
    sections = [Section("Claims", [tiles, *_blocks(rows)])]
    return Document(root.resolve().name, "The paper's claims, measured", sections, {"kind": "claims"} | counts)


def blocks(root: Path) -> list[Block]:
    """The claims that a run, or the folder of seeds that it belongs to, was measured for; nothing where there are none."""
    for folder in (root, root.resolve().parent):
        if (folder / FILE).exists():
            try:
                return _blocks(read(folder / FILE))
            except RunError as error:
                return [Text(str(error))]
    return []


def read(file: Path) -> list[dict[str, Any]]:
    """The claims in a file. Raises RunError when it is damaged."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["claims"]
        return [row for row in rows if isinstance(row, dict)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} cannot be read: {error!r}") from None


def _blocks(rows: list[dict[str, Any]]) -> list[Block]:
    found = [
        Finding(LEVELS.get(str(row.get("verdict")), "note"), f"{row.get('sentence')}:", f"{row.get('verdict')}.")
        for row in rows
    ]
    parts = [_part(row, part) for row in rows for part in row.get("parts") or [] if isinstance(part, dict)]
    head = ["part", "claim", "paper", "here", "holds if", "verdict"]
    return [Findings(found), Fold("How each part came out", [Table("Differences with 95 % intervals", head, parts)])]


def _part(row: dict[str, Any], part: dict[str, Any]) -> list[str]:
    scale = 100 if part.get("measure") in SHARES else 1
    ends = [part.get(key) for key in ("difference", "low", "high")]
    numbers = [scale * end for end in ends if isinstance(end, int | float)]
    here = (
        f"{numbers[0]:+.2f} ({numbers[1]:+.2f} to {numbers[2]:+.2f})"
        if len(numbers) == 3
        else str(part.get("why") or "")
    )
    told = [str(part.get(key) or "") for key in ("paper", "holds_if", "verdict")]
    return [str(part.get("title")), str(row.get("name")), told[0], here, told[1], told[2]]
