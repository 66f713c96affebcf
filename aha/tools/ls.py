"""`aha ls`: the runs in a folder, each in a few words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import RunError
from aha.page import plain

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("run", "state", "stage", "cost", "headline")


def ls(
    folder: Annotated[Path, typer.Argument(help="A folder with run folders in it, or below.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """List runs: how each stands, at which stage, what came of it, and what it cost."""
    found = runs(folder)
    if as_json:
        return typer.echo(json.dumps(found, ensure_ascii=False))
    if not found:
        return typer.echo(f"no runs in {folder}; aha run recipes/zero.toml makes one")
    import shutil

    from rich.console import Console

    width = shutil.get_terminal_size((160, 24)).columns
    Console(highlight=False, width=width).print(table(found, width))


def runs(folder: Path) -> list[dict[str, Any]]:
    """Every run in a folder, the one that changed last first. Raises RunError when there is no such folder."""
    from aha.serve.runs_find import Folders
    from aha.serve.runs_summary import Summaries

    if not folder.is_dir():
        raise RunError(f"{folder} is no folder; give one that holds runs")
    known = Summaries()
    lines = [known.of(found) for found in Folders(folder).all().values()]
    return sorted(lines, key=lambda line: (-line["changed"], line["run"]))


def table(found: list[dict[str, Any]], width: int) -> Table:
    """The list as a table, a line a run; every word in it may be anybody's."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, width=width)
    for name in COLUMNS:
        grid.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1 if name == "headline" else None)
    for line in found:
        told = line | {"headline": line["headline"] or "; ".join(line["troubles"]), "cost": line["cost"].split(",")[0]}
        grid.add_row(*(Text(" ".join(plain(told[name]).split())) for name in COLUMNS))
    return grid
