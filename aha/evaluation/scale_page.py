"""The folder of `aha scale`: results.json, table.md, two drawings, and one page that opens offline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aha import disk, page
from aha.evaluation import scale_lines as lines
from aha.evaluation.equal_tokens import is_pooled
from aha.evaluation.scale_figure import Trace, front_chart

Record = dict[str, Any]
AXES = {"total": ("Accuracy against tokens", "tokens a question, drawn and scored"),
        "flops": ("Accuracy against operations", "operations a question")}  # fmt: skip


def write(folder: Path, record: Record) -> Path:
    """Write everything; returns the page. Raises RunError where the folder cannot be written."""
    drawings = {axis: front_chart(title, traces(record, axis), label) for axis, (title, label) in AXES.items()}
    files = {
        "results.json": json.dumps(record, indent=1, ensure_ascii=False) + "\n",
        "table.md": lines.markdown(record), "scale.svg": drawings["total"] + "\n",
        "scale.html": document(record, drawings),
    }  # fmt: skip
    with disk.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            disk.write_whole(folder / name, text.encode("utf-8", "replace"))
    return folder / "scale.html"


def traces(record: Record, axis: str) -> list[Trace]:
    """Each method as a line over one kind of cost. Choices among samples begin with a single sample."""
    single = [p for p in record["points"] if p["method"] == "sample"]
    rows: dict[str, list[Record]] = {}
    for p in record["points"]:
        rows.setdefault(p["method"], [*single] if is_pooled(p["method"]) else []).append(p)
    if any(is_pooled(method) for method in rows):
        rows.pop("sample", None)  # the beginning of the others
    return [_trace(method, sorted(row, key=lambda p: p[axis]), axis) for method, row in rows.items()]


def _trace(method: str, row: Sequence[Record], axis: str) -> Trace:
    return Trace(
        method, [(p[axis], p["accuracy"]) for p in row], [(p["low"], p["high"]) for p in row],
        [f"{p['method']} {p['size']}" for p in row],
    )  # fmt: skip


def document(record: Record, drawings: dict[str, str]) -> str:
    """The page."""
    what, drawn, units = lines.head(record)
    said = "".join(page.paragraph(line) for line in lines.verdicts(record))
    notes = {
        "total": "Bands and bars are 95 % intervals over questions; rings mark the Pareto front.",
        "flops": "Two operations a weight and token, of the model and of scorers, prompts and continued replies included.",
    }
    figures = [page.figure(AXES[axis][0], notes[axis], drawing) for axis, drawing in drawings.items() if drawing]
    difficult = lines.by_difficulty(record)
    if difficult:
        difficult.append(lines.choices_by_bin(record))
    return page.document(
        "Thinking longer", page.paragraph(what, "lead"), page.paragraph(drawn), page.paragraph(units, "soft"), *figures[:1],
        page.section("Which method at which budget", said, page.paragraph(lines.FLATTERY, "soft"),
                     *(page.paragraph(line, "soft") for line in lines.stopped(record)),
                     page.table(*lines.at_equal_tokens(record))),
        page.section("Chosen by how hard a question is", page.paragraph(lines.bin_size(record), "soft"), *(page.table(*table) for table in difficult)) if difficult else "",
        page.section("Everything that was run", *figures[1:], page.table(*lines.all_points(record))),
    )  # fmt: skip
