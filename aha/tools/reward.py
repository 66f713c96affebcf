"""`aha reward test`: put a reward to its own examples and to hostile replies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from select import select
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
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds that grading one reply may take.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Run the rewards of a file on its own examples and on hostile replies; fails when a hostile one is paid.

    The file's functions are its rewards, but for those whose name begins with _. Its EXAMPLES are dicts: prompt, reply,
    score, and the columns that the rewards ask for; `score` is a number, or a dict of numbers by reward. Prompts that
    are lists of messages are for functions that read messages.
    """
    found = tested(file, limit)
    failed = sum(not finding.held for findings in found.values() for finding in findings)
    if as_json:
        rewards = {name: [asdict(finding) for finding in findings] for name, findings in found.items()}
        typer.echo(json.dumps({"file": str(file), "failed": failed, "rewards": rewards}))
    else:
        typer.echo("\n".join(lines(found)))
    raise SystemExit(1 if failed else 0)


def tested(file: Path, limit: float) -> dict[str, list[Finding]]:
    """What each reward of a file gives to its examples and to hostile replies, in a process of its own.

    Raises DataError for a file that cannot be tested.
    """
    from aha.rewards.hostile import Finding

    found: dict[str, list[Finding]] = defaultdict(list)
    words = [sys.executable, "-m", "aha.tools.reward_child", str(file)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as child:
        try:
            for name, finding in _told(child, file, limit):
                found[name].append(Finding(**finding))
        finally:
            child.kill()
    return found


def _told(child: subprocess.Popen[bytes], file: Path, limit: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Reward and finding, as they come, and at last why no more did."""
    assert child.stdout
    message: dict[str, Any] = {"starting": True}
    while message:
        if not select([child.stdout], [], [], max(limit, 60.0) if "starting" in message else limit)[0]:
            why = f"took longer than {limit:g} s; what would follow was not tried"
        elif line := child.stdout.readline():
            message = json.loads(line)
            if "refused" in message:
                raise DataError(message["refused"])
            if "found" in message:
                yield message["reward"], message["found"]
            continue
        else:
            why = f"ended the program with status {child.wait()}; what would follow was not tried"
        if "grading" not in message:
            raise DataError(f"{file}: reading it {why}")
        yield message["reward"], message["grading"] | {"error": why}
        return


def lines(found: dict[str, list[Finding]]) -> Iterator[str]:
    """The same to be read."""
    failed = 0
    for name, findings in found.items():
        yield f"{name}:"
        told = ""
        for finding in findings:
            failed += not finding.held
            mark = "ok  " if finding.held else "FAIL"
            score = "error" if finding.error else "failed" if finding.score is None else f"{finding.score:.3g}"
            yield f"  {mark} {score:>8}  wanted {finding.wanted:<10}  {plain(finding.reply)}"
            if finding.error and finding.error != told:
                yield f"                {plain(finding.error)}"
            told = finding.error
    yield f"{failed} replies were not graded as they should be" if failed else "every reply was graded as it should be"
