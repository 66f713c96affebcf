"""The tables of one stretch of training: evaluations, rewards, why replies fell short, settings, and where it ran."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from aha.record import Row, Run, first_try, majority, points, tasks, value
from aha.report.blocks import Block, Fold, Listing, Table, Text
from aha.stats import Interval
from aha.svg import number


def percent(found: Interval) -> str:
    """31.0 %"""
    return f"{100 * found.mean:.1f} %"


def span(found: Interval) -> str:
    """(28.2 to 33.9), the ends of an interval in percent"""
    return f"({100 * found.low:.1f} to {100 * found.high:.1f})"


def share(found: Interval) -> str:
    """31.0 % (28.2 to 33.9)"""
    return f"{percent(found)} {span(found)}"


def effort(row: Row) -> str:
    """400 questions x 16 samples in 80 seconds"""
    asked = [count(row[key], name) for key, name in (("questions", "question"), ("samples", "sample")) if row.get(key)]
    seconds = value(row, "seconds")
    return " x ".join(asked) + (f" in {seconds:,.0f} seconds" if seconds is not None else "")


def count(n: Any, noun: str) -> str:
    """1 step, 120 steps"""
    return f"{n:,} {noun}{'' if n == 1 else 's'}" if isinstance(n, int | float) else f"{n} {noun}s"


def evaluations(run: Run) -> list[Block]:
    """Every evaluation as a line of a table: the numbers behind the picture."""
    rows = []
    for row in run.evals:
        first, vote = first_try(row), majority(row)
        rows.append([
            f"{row.get('task') or 'held out'}, step {row['step']:g}", share(first) if first else "",
            f"{share(vote[1])} of {vote[0]}" if vote else "", effort(row),
            *(_cell(row, key) for key in ("temperature", "length_mean")),
            *(_cell(row, key, True) for key in ("truncated", "formatted", "mixed_language")),
        ])  # fmt: skip
    head = ["evaluation", "pass@1", "majority vote", "effort", "temperature", "tokens", "cut off", "formatted", "mixed"]
    if not rows:
        return [Text("No evaluation was recorded.")]
    return [Table("95 % intervals over questions", head, rows, wide=True)]


def _cell(row: Row, key: str, as_share: bool = False) -> str:
    found = value(row, key)
    return "" if found is None else number(found, as_share)


def _steps(run: Run, keys: Sequence[str], as_share: bool) -> tuple[list[str], list[list[str]]]:
    """Means over the first and the last few steps for each key: one step alone is noise."""
    size = max(1, min(5, len(run.metrics) // 2))
    parts = [run.metrics[:size], run.metrics[-size:]]
    head = [f"steps {part[0]['step']:g} to {part[-1]['step']:g}" for part in parts]
    rows = []
    for key in keys:
        # a reason that a step does not name was none there
        rare = 0.0 if key.startswith("reason/") else None
        found = [[y for row in part if (y := value(row, key) if key in row else rare) is not None] for part in parts]
        rows.append([key.partition("/")[2] or key, *(number(fmean(ys), as_share) if ys else "" for ys in found)])
    return head, rows


def reward_parts(run: Run) -> list[Block]:
    """The total reward and its parts, at the beginning and at the end."""
    keys = sorted({key for row in run.metrics for key in row if key.startswith("reward/")})
    if not run.metrics or not (keys or points(run.metrics, "reward")):
        return [Text("No reward was recorded.")]
    head, rows = _steps(run, ["reward", *keys], False)
    return [Table("Mean reward of a reply, and its parts", ["part", *head], rows)]


def reasons(run: Run) -> list[Block]:
    """Why replies fell short, in training and in the last evaluation of each task; grader failures apart."""
    blocks: list[Block] = []
    if keys := sorted({key for row in run.metrics for key in row if key.startswith("reason/")}):
        head, rows = _steps(run, keys, True)
        blocks.append(Table("Share of training replies", ["reason", *head], rows))
    for task, found in tasks(run.evals).items():
        shares = found[-1].get("reasons") if found else None
        if isinstance(shares, dict) and shares:
            total = (value(found[-1], "questions") or 0) * (value(found[-1], "samples") or 0)
            counts = sorted(((why, value(shares, why) or 0.0) for why in shares), key=lambda pair: -pair[1])
            lines = [[why, number(part, True), f"{part * total:,.0f}"] for why, part in counts]
            blocks.append(Fold(f"Last evaluation of {task}", [Table("Why replies were wrong", REASONS, lines)]))
    failed = sum(count for _, count in points(run.metrics, "failed"))
    return [*blocks, Text(f"Replies whose grader failed, left out of training: {failed:,.0f}.", "soft")]


REASONS = ["reason", "share", "replies"]


def settings(run: Run) -> list[Block]:
    """What the run was told."""
    return (
        [Fold("settings.toml", [Listing(run.settings, 60_000)])]
        if run.settings
        else [Text("No settings were recorded.")]
    )


def environment(starts: Sequence[Row]) -> list[Block]:
    """Where it ran, once for each start, and the command that repeats it."""
    if not starts:
        return [Text("No environment was recorded.")]
    first, *again = starts
    lines = [[key, found if isinstance(found, str) else json.dumps(found)] for key, found in first.items()]
    said = command(first)
    blocks: list[Block] = [Text("To run it again:"), Listing(said)] if said else [Text("The command was not recorded.")]
    blocks.append(
        Table("Where it started", ["key", "value"], [line for line in lines if line[0] not in ("argv", "command")])
    )
    if again:
        blocks.append(Fold(f"Started again: {len(again)}", [Listing(json.dumps(again, indent=1), 60_000)]))
    return blocks


def command(start: Row) -> str:
    """The command of a start, quoted for a shell."""
    told = start.get("command") or start.get("argv") or ""
    if not isinstance(told, list):
        return str(told)
    program = Path(str(told[0])).name if told else ""
    program = "aha" if program == "__main__.py" else program
    words = [program, *map(str, told[1:])]
    return shlex.join(["python", *words] if program.endswith(".py") else words)
