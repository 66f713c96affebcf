"""`aha data`: look at data, check them, and keep training rows apart from evaluation rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from aha.errors import ConfigError

data = typer.Typer(no_args_is_help=True, help="Data: from files, the hub and reasoning-gym.")

NAME = "gsm8k, openai/gsm8k@main:socratic#test, a file or folder, or gym:TASK."
Kind = Annotated[str, typer.Option(help="number, math, countdown, code, choice, text or pairs, where it is not clear.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Columns = Annotated[str, typer.Option(help="The data's own columns, such as question=Problem,answer=Result.")]


@data.command()
def show(
    name: Annotated[str, typer.Argument(help=NAME)],
    kind: Kind = "",
    columns: Columns = "",
    samples: Annotated[int, typer.Option(min=0, help="Rows shown.")] = 3,
    as_json: Json = False,
) -> None:
    """Say how many rows there are, what each column becomes, and show the first few as they will be asked."""
    from aha.tools import data_work

    found = data_work.shown(name, kind, columns_of(columns), samples)
    _print(found.record(), found.lines(), as_json)


@data.command()
def check(
    name: Annotated[str, typer.Argument(help=NAME)],
    kind: Kind = "",
    columns: Columns = "",
    rows: Annotated[int | None, typer.Option(min=1, help="Only so many of the first rows.")] = None,
    as_json: Json = False,
) -> None:
    """Grade every reference answer with the reward that its kind gets; fails unless all are right."""
    from aha.tools import data_work

    found = data_work.checked(name, kind, columns_of(columns), rows)
    _print(found.record(), found.lines(), as_json)
    raise SystemExit(0 if found.good else 1)


@data.command()
def decontaminate(
    train: Annotated[str, typer.Argument(help="The rows to train on.")],
    against: Annotated[list[str], typer.Option(help="The rows to measure on; several times for several sets.")],
    out: Annotated[Path, typer.Option(help="Where the rows that are kept go, as JSON Lines.")],
    ngram: Annotated[int, typer.Option(min=1, help="Words in a row that two questions may not share.")] = 10,
    kind: Kind = "",
    columns: Columns = "",
    against_kind: Annotated[str, typer.Option(help="The same as --kind, for the rows to measure on.")] = "",
    against_columns: Annotated[str, typer.Option(help="The same as --columns, for the rows to measure on.")] = "",
    as_json: Json = False,
) -> None:
    """Leave out training rows that share a run of words with an evaluation row, and say which met which.

    The rows left out, with the words they share, go to a second file beside the first.
    """
    from aha.tools import data_work

    found = data_work.decontaminated(
        train, against, out, ngram, (kind, against_kind), (columns_of(columns), columns_of(against_columns))
    )
    _print(found.record(), found.lines(), as_json)


def _print(record: dict[str, Any], lines: Iterable[str], as_json: bool) -> None:
    typer.echo(json.dumps(record, ensure_ascii=False) if as_json else "\n".join(lines))


def columns_of(text: str) -> dict[str, str | int]:
    """The map of "question=Problem,target=24". Raises ConfigError."""
    found: dict[str, str | int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, column = (side.strip() for side in part.partition("="))
        if not (name and equals and column):
            raise ConfigError(f"--columns should be like question=Problem,answer=Result, got {part!r}")
        found[name] = int(column) if column.isascii() and column.isdigit() else column
    return found
