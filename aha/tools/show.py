"""`aha show`: one run, its stages as a tree or its steps in a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import RunError
from aha.page import plain

if TYPE_CHECKING:
    from aha.pipeline.runner import Stage

RECORD = "stage.json"
"""What a finished stage of a run holds."""


def show(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
    price: Annotated[float, typer.Option(min=0.0, max=1e6, help="What a core-hour costs, in any currency.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Show a run: its stages as a tree, each with its data and result, or its evaluations; and what it cost."""
    from aha.pipeline.show import tree

    if as_json:
        typer.echo(json.dumps(record(folder, price), ensure_ascii=False))
    elif (folder / RECORD).is_file():
        typer.echo("\n".join(map(plain, of_stage(folder))))
    elif (folder / "stages").is_dir():
        typer.echo("\n".join(map(plain, tree(folder, price))))
    else:
        typer.echo("\n".join(map(plain, lines(folder))))


def record(folder: Path, price: float = 0.0) -> dict[str, Any]:
    """The numbers of a run's report, or of one stage. Raises RunError when the folder is neither."""
    from aha.pipeline.cost import cost_of
    from aha.pipeline.runner import read_stages
    from aha.report.write import document

    if (folder / RECORD).is_file():
        return _stage(folder).record
    told = document(folder)
    money = {"price": round(cost_of(read_stages(folder)).core_hours * price, 2)} if price else {}
    return {"run": told.title, "about": told.about} | told.facts | money


def of_stage(folder: Path) -> list[str]:
    """One finished stage of a run: what came of it, from what, and what it cost. Raises RunError for a damaged one."""
    from aha.pipeline.cost import cost_of

    stage = _stage(folder)
    made_of = ", ".join(f"{role} {told['stage']}" for role, told in stage.record["inputs"].items())
    return [f"{stage.name}: finished, {stage.record.get('headline', '')}", f"  from {made_of}",
            f"  {cost_of([stage]).in_words()}", f"  aha show {folder.parent.parent} draws the whole run"]  # fmt: skip


def _stage(folder: Path) -> Stage:
    from aha.pipeline.runner import read_stages

    found = [
        stage for stage in read_stages(folder.resolve().parent.parent) if stage.folder.name == folder.resolve().name
    ]
    if not found:
        raise RunError(f"{folder}: {RECORD} is not that of a stage in a run's folder of stages")
    return found[0]


def lines(folder: Path) -> list[str]:
    """One stretch of training: how it stands, and every evaluation. Raises RunError when the folder is no run."""
    from aha.record import load_run
    from aha.report.tables import evaluations
    from aha.serve.runs_find import Found, at_work
    from aha.serve.runs_summary import of_training

    run = load_run(folder)
    line = of_training(run)
    state = "running" if at_work(Found(folder.name, folder).folder / "lock") else line["state"]
    rows = [row for block in evaluations(run) for row in getattr(block, "rows", [])]
    return [f"{folder}: {state}, {line['stage'] or 'no step yet'}, {line['cost'] or 'no cost yet'}",
            *(f"  {name}: pass@1 {first}" + (f", majority {vote}" if vote else "") for name, first, vote, *_ in rows),
            *(f"  {trouble}" for trouble in run.troubles)]  # fmt: skip
