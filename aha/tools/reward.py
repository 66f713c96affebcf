"""`aha reward test`: put a reward to its own examples and to hostile replies."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import DataError
from aha.page import plain

if TYPE_CHECKING:
    from aha.rewards.hostile import Finding

reward = typer.Typer(no_args_is_help=True, help="Rewards of one's own.")


@reward.callback()
def _rewards() -> None:
    """Rewards of one's own."""


@reward.command(name="test")
def test_reward(
    file: Annotated[Path, typer.Argument(help="A Python file with rewards and EXAMPLES.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Run the rewards of a file on its own examples and on hostile replies; fails when a hostile one is paid.

    The file's public functions are its rewards. Its EXAMPLES are dicts: prompt, reply, score, and the columns that the
    rewards ask for; `score` is a number, or a dict of numbers by reward.
    """
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # the file may print
        found = tested(file)
    failed = sum(not finding.held for findings in found.values() for finding in findings)
    if as_json:
        rewards = {name: [asdict(finding) for finding in findings] for name, findings in found.items()}
        typer.echo(json.dumps({"file": str(file), "failed": failed, "rewards": rewards}))
    else:
        typer.echo("\n".join(lines(found)))
    raise SystemExit(1 if failed else 0)


def tested(file: Path) -> dict[str, list[Finding]]:
    """What each reward of a file gives to its examples and to hostile replies."""
    from aha.rewards.functions import reward_of
    from aha.rewards.hostile import examine

    module = load(file)
    found = {}
    for function in functions(module, file):
        wanted = examples(module, file, function.__name__)
        try:
            found[function.__name__] = examine(reward_of(function), wanted)
        except DataError as error:
            raise DataError(f"{file}: {error}") from None
    return found


def lines(found: dict[str, list[Finding]]) -> Iterator[str]:
    """The same to be read."""
    failed = 0
    for name, findings in found.items():
        yield f"{name}:"
        for finding in findings:
            failed += not finding.held
            mark = "ok  " if finding.held else "FAIL"
            score = "failed" if finding.score is None else f"{finding.score:.3g}"
            yield f"  {mark} {score:>8}  wanted {finding.wanted:<10}  {plain(finding.reply)}"
    yield f"{failed} replies were not graded as they should be" if failed else "every reply was graded as it should be"


def load(file: Path) -> ModuleType:
    """The user's own file, run as a module. Raises DataError when it is missing or does not run."""
    if not file.is_file():
        raise DataError(f"{file} is not a file")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise DataError(f"{file} is no Python file; its name should end in .py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def functions(module: ModuleType, file: Path) -> list[Any]:
    """The rewards that a file defines. Raises DataError when there is none."""
    found = [
        value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    ]
    if not found:
        raise DataError(
            f"{file} defines no public function; a reward is one, such as `def correct(answer_text, target):`"
        )
    return found


def examples(module: ModuleType, file: Path, name: str) -> list[Any]:
    """The file's examples for one reward. Raises DataError when there are none, or one lacks something."""
    from aha.rewards.hostile import Example
    from aha.types import Problem

    given = getattr(module, "EXAMPLES", None)
    if not given:
        raise DataError(f'{file} has no EXAMPLES; add EXAMPLES = [{{"prompt": ..., "reply": ..., "score": 1.0}}]')
    problems: dict[str, Problem] = {}
    found = []
    for number, row in enumerate(given, 1):
        missing = [key for key in ("prompt", "reply", "score") if key not in row]
        if missing:
            raise DataError(f"{file}, example {number}: no {', '.join(missing)}")
        score = row["score"][name] if isinstance(row["score"], dict) else row["score"]
        columns = {key: value for key, value in row.items() if key not in ("prompt", "reply", "score")}
        problem = problems.setdefault(repr((row["prompt"], columns)), Problem(row["prompt"], columns))
        found.append(Example(problem, row["reply"], float(score)))
    return found
