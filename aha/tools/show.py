"""`aha show`: one run, its stages as a tree or its steps in a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from aha.page import plain


def show(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
    price: Annotated[float, typer.Option(min=0.0, help="What a core-hour costs, in any currency.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Show a run: its stages as a tree, each with its data and result, or its evaluations; and what it cost."""
    from aha.pipeline.show import tree

    if as_json:
        typer.echo(json.dumps(record(folder), ensure_ascii=False))
    elif (folder / "stages").is_dir():
        typer.echo("\n".join(map(plain, tree(folder, price))))
    else:
        typer.echo("\n".join(map(plain, lines(folder))))


def record(folder: Path) -> dict[str, Any]:
    """The numbers of a run's report. Raises RunError when the folder is no run."""
    from aha.report.write import document

    told = document(folder)
    return {"run": told.title, "about": told.about} | told.facts


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
