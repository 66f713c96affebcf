"""A run folder -> report.html, and beside it report.md and report.json with the same in them.

    write_report(Path("runs/zero"))                    runs/zero/report.html
    save_png(Path("runs/zero"), Path("zero.png"))      accuracy, reply length, reflection

All three are made from the run's files alone: the same folder gives the same bytes. What a run lacks (it was stopped
early, nothing was evaluated, a file was damaged) becomes a sentence. Model text is shown as text, whatever it holds.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aha
from aha.errors import RunError
from aha.figures import save_panels
from aha.record import load_run
from aha.report import claims, single, stages
from aha.report.blocks import Block, Charts, Document, Fold
from aha.report.html import page
from aha.report.markdown import markdown
from aha.svg import Line, thin

FORMAT = "aha-report/1"


def write_report(run: Path) -> Path:
    """Write report.html, report.md and report.json; returns the first. Raises RunError for a folder that is no run or
    cannot be written.
    """
    root = Path(run)
    told = document(root)
    files = {"report.md": markdown(told), "report.json": as_json(told), "report.html": page(told)}
    for name, text in files.items():
        draft = root / f".{name}.draft"
        try:
            draft.write_bytes(text.encode("utf-8", "backslashreplace"))
            os.replace(draft, root / name)
        except OSError as error:
            raise RunError(f"{root / name} cannot be written: {error.strerror}") from error
    return root / "report.html"


def document(root: Path) -> Document:
    """The report of a run of stages, of measured claims, or of one stretch of training."""
    if (root / "stages").is_dir():
        return stages.document(root)
    return claims.document(root) if (root / claims.FILE).exists() else single.document(root)


def as_json(told: Document) -> str:
    """The report for programs: its numbers under `facts`, and every section block by block."""
    sections = [
        {"title": section.title, "blocks": [_plain(block) for block in section.blocks]} for section in told.sections
    ]
    record = {"format": FORMAT, "aha": aha.__version__, "title": told.title, "about": told.about, "facts": told.facts}
    return json.dumps(record | {"sections": sections}, indent=1, ensure_ascii=False) + "\n"


def _plain(block: Block) -> dict[str, Any]:
    kind = {"kind": type(block).__name__.lower()}
    if isinstance(block, Fold):
        return kind | {"title": block.title, "blocks": [_plain(inner) for inner in block.blocks]}
    if isinstance(block, Charts):
        charts = [asdict(chart) | {"lines": [_line(line) for line in chart.lines]} for chart in block.charts]
        return kind | {"charts": charts}
    return kind | asdict(block)


def _line(line: Line) -> dict[str, Any]:
    """As many points as are drawn: metrics.jsonl has the others."""
    points = line.points if line.bars else thin(line.points)
    return {"label": line.label, "points": points, "bars": line.bars}


def save_png(run: Path, path: Path) -> Path:
    """Draw accuracy, reply length and reflection into a PNG. Raises AhaError when matplotlib is not installed."""
    found = load_run(Path(run))
    try:
        save_panels(found.metrics, found.evals, Path(path))
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
    return Path(path)
