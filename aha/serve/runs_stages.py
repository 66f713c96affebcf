"""One run in full: its stages as a tree with the data that each took and gave, and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aha.pipeline.account import Sheet, data_card, filters, reward_models
from aha.pipeline.comparison import changes as changes_table
from aha.pipeline.comparison import stage_table, students
from aha.pipeline.cost import cost_of
from aha.pipeline.runner import Stage
from aha.pipeline.shape import changes, sentence
from aha.pipeline.show import parent_of
from aha.pipeline.whole import PART, Whole, load_whole
from aha.record import Run, load_run, value
from aha.serve.runs_find import Found
from aha.serve.runs_summary import Line, last_step, steps_of, unfinished, words_of

COUNTS = {"in": "replies in", "kept": "kept", "rows": "rows trained on", "questions": "questions"}
"""What a stage's record counts, and how that is called."""
SETTINGS = 20_000
"""Characters of settings that are shown."""


def in_full(found: Found, line: Line) -> dict[str, Any]:
    """A run as the page shows it. Raises AhaError or OSError where it cannot be read."""
    if found.trouble:
        return {**line, "said": [], "stages": [], "tables": [], "settings": ""}
    if not (found.folder / "stages").is_dir():
        run = load_run(found.folder)
        told: Line = {"stages": [_only(run)], "tables": [], "settings": run.settings[:SETTINGS]}
        return {**line, "said": [line["headline"]], **told}
    whole = load_whole(found.folder)
    said = [words for change in changes(whole) if (words := sentence(change))]
    told = {"stages": list(tree(whole)), "tables": _tables(whole), "settings": ""}
    return {**line, "said": said or [line["headline"]], **told}


def _only(run: Run) -> Line:
    """A run of one stretch of training as a tree of one stage."""
    counts = [["steps", last_step(run.metrics)]] if run.metrics else []
    return _node("training", "", 0, run.root, counts=counts, steps=steps_of(run.settings))


def tree(run: Whole) -> Iterator[Line]:
    """The stages from the roots down, then those that measured, then those that are not complete."""
    measured = run.holding("results")
    done = list({stage.name: stage for stage in run.stages if stage not in measured}.values())
    names = {stage.name for stage in done}
    parents = {stage.name: parent_of(stage) if stage.record["inputs"] else "" for stage in done}

    def below(name: str, depth: int) -> Iterator[Line]:
        for stage in done:
            if parents[stage.name] == name and stage.name != name:
                yield of_stage(stage, depth, name)
                yield from below(stage.name, depth + 1)

    for root in dict.fromkeys(parent for parent in parents.values() if parent not in names):
        if root:
            yield _node(root, "", 0, None, headline="given")
        yield from below(root, 1 if root else 0)
    waiting = unfinished(run)
    for folder in sorted(run.root.glob(f"stages/*{PART}")):
        if words_of(folder.name) in waiting:
            yield _node(words_of(folder.name), folder.name, 1, folder, headline="not finished")
    for stage in measured:
        yield of_stage(stage, 0, "") | {"measures": True}


def of_stage(stage: Stage, depth: int, parent: str) -> Line:
    """One complete stage."""
    record = stage.record
    others = [str(told["stage"]) for told in record["inputs"].values() if str(told["stage"]) != parent]
    told = [[word, found] for key, word in COUNTS.items() if (found := value(record, key)) is not None]
    reasons = record.get("reasons")
    lost = reasons if isinstance(reasons, dict) else {}
    cost = cost_of([stage])
    return _node(
        stage.name, stage.folder.name, depth, stage.folder, headline=str(record.get("headline", "")), beside=others,
        counts=told, reasons=[[str(why), n] for why in lost if (n := value(lost, why)) is not None],
        seconds=cost.seconds, sampled=cost.sampled, trained=cost.trained,
    )  # fmt: skip


def _node(name: str, id: str, depth: int, folder: Path | None, **more: Any) -> Line:
    has_curves = folder is not None and (folder / "metrics.jsonl").exists()
    files = len(files_of(folder)) if folder else 0
    begun = {"headline": "", "beside": [], "counts": [], "reasons": [], "seconds": 0, "sampled": 0, "trained": 0,
             "measures": False, "steps": 0}  # fmt: skip
    return begun | {"name": name, "id": id, "depth": depth, "curves": has_curves, "files": files} | more


def files_of(folder: Path) -> list[Path]:
    """The files of a stage that hold replies, in order: those that steps drew, or those that a collection kept or not."""
    drawn = sorted((folder / "samples").glob("step-*.parquet"))
    return drawn or [file for name in ("data.jsonl", "rejected.jsonl") if (file := folder / name).exists()]


def folder_of(found: Found, stage: str) -> Path | None:
    """The folder of a stage by its id; the run's own for the empty one; None where there is no such stage."""
    if found.trouble:
        return None
    if not stage:
        return found.folder
    stages = (found.folder / "stages").glob("*/")
    return next((path for path in stages if path.name == stage and not path.is_symlink()), None)


def _tables(run: Whole) -> list[dict[str, Any]]:
    models = [stage_table(run), students(run), changes_table(changes(run)), reward_models(run)]
    return [_table(sheet) for sheet in [*models, *data_card(run), *filters(run)] if sheet.rows]


def _table(sheet: Sheet) -> dict[str, Any]:
    rows: Sequence[Sequence[str]] = sheet.rows
    return {"caption": sheet.caption, "head": sheet.head, "rows": rows}
