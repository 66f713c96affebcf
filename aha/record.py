"""Reading a run folder, whole or damaged: its settings, its measurements, and its replies to the fixed prompts.

A run may have been stopped at any instant, and any key of a row may be absent or null. What cannot be read is left out
and told in a sentence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aha.errors import AhaError, RunError
from aha.runlog import read_samples
from aha.stats import Interval
from aha.tables import read_jsonl

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder holds, and a sentence for each file that could not be read."""

    root: Path
    settings: str
    environment: list[Row]
    metrics: list[Row]
    evals: list[Row]
    troubles: list[str]


def value(row: Row, key: str) -> float | None:
    """A finite number of a row, or None."""
    found = row.get(key)
    usable = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return float(found) if usable and found is not None else None


def by_step(rows: Sequence[Row]) -> list[Row]:
    """Rows in order of their step; of two for one step (a resumed run repeats some) the later written one."""
    latest = {row["step"]: row for row in rows if value(row, "step") is not None}
    return [latest[step] for step in sorted(latest)]


def points(rows: Sequence[Row], key: str) -> list[tuple[float, float]]:
    """(step, value) of every row that holds the key."""
    pairs = [(value(row, "step"), value(row, key)) for row in rows]
    return [(step, found) for step, found in pairs if step is not None and found is not None]


def first_try(row: Row) -> Interval | None:
    """pass@1 of an evaluation, with its interval."""
    return _interval(value(row, "pass@1"), value(row, "pass@1_low"), value(row, "pass@1_high"))


def majority(row: Row) -> tuple[int, Interval] | None:
    """The largest vote of an evaluation: k, and cons@k with its interval."""
    votes = row.get("cons@k")
    sizes = [int(k) for k in votes if str(k).isdecimal()] if isinstance(votes, dict) else []
    if not sizes:
        return None
    share = _interval(value(dict(votes or {}), str(max(sizes))), value(row, "cons_low"), value(row, "cons_high"))
    return (max(sizes), share) if share else None


def _interval(mean: float | None, low: float | None, high: float | None) -> Interval | None:
    if mean is None:
        return None
    return Interval(mean, mean if low is None else low, mean if high is None else high)


def tasks(evals: Sequence[Row]) -> dict[str, list[Row]]:
    """Evaluations by task, each in order of steps."""
    names = dict.fromkeys(str(row.get("task") or "held out") for row in evals)
    return {name: by_step([row for row in evals if str(row.get("task") or "held out") == name]) for name in names}


def load_run(root: Path) -> Run:
    """Read a run folder. Raises RunError when it is none."""
    names = ("settings.toml", "environment.json", "metrics.jsonl", "evals.jsonl", "samples")
    if not any((root / name).exists() for name in names):
        raise RunError(f"{root} is not a run folder: it holds none of {', '.join(names)}")
    troubles: list[str] = []

    def read(name: str, reader: Callable[[Path], Any], absent: Any) -> Any:
        try:
            return reader(root / name) if (root / name).exists() else absent
        except (AhaError, OSError, ValueError) as error:
            troubles.append(f"{name} could not be read and is left out: {error}")
            return absent

    started = read("environment.json", lambda file: json.loads(file.read_text("utf-8")), [])
    rows = {name: read(name, read_jsonl, []) for name in ("metrics.jsonl", "evals.jsonl")}
    metrics, evals = ([row for row in found if isinstance(row, dict)] for found in rows.values())
    settings = read("settings.toml", lambda file: file.read_text("utf-8"), "")
    starts = started if isinstance(started, list) else [started]
    environment = [start for start in starts if isinstance(start, dict)]
    return Run(root, settings, environment, by_step(metrics), _by_step_and_task(evals), troubles)


def _by_step_and_task(evals: Sequence[Row]) -> list[Row]:
    """Evaluations in order of steps, one for each task and step."""
    return sorted((row for rows in tasks(evals).values() for row in rows), key=lambda row: row["step"])


def probe_replies(root: Path, most: int = 10, times: int = 5) -> tuple[list[list[Row]], list[str]]:
    """For up to `most` fixed prompts, the first reply at up to `times` steps, and a sentence for each damaged file."""
    steps, troubles = _probe_steps(root)
    chosen = {problem: evenly(seen, times) for problem, seen in list(steps.items())[:most]}
    replies: dict[str, list[Row]] = {problem: [] for problem in chosen}
    for step in sorted({step for seen in chosen.values() for step in seen}):
        try:
            rows = read_samples(root, step)
        except (AhaError, ValueError) as error:
            troubles.append(str(error))
            continue
        first: dict[str, Row] = {}
        for row in sorted((row for row in rows if row.get("probe")), key=lambda row: row.get("sample") or 0):
            first.setdefault(str(row.get("problem")), row)
        for problem in first.keys() & chosen.keys():
            if step in chosen[problem]:
                replies[problem].append({**first[problem], "step": step})
    return [rows for rows in replies.values() if rows], troubles


def _probe_steps(root: Path) -> tuple[dict[str, list[int]], list[str]]:
    """The steps at which each probe prompt occurs, and a sentence for each file that cannot be read."""
    import pyarrow as pa

    steps: dict[str, list[int]] = {}
    troubles = []
    for file in sorted((root / "samples").glob("step-*.parquet")):
        step = re.sub(r"\D", "", file.stem)
        try:
            problems = _probed(file) if step else []
        except (OSError, ValueError, pa.ArrowException) as error:
            troubles.append(f"{file.name} cannot be read and is left out: {error}")
            continue
        for problem in problems:
            steps.setdefault(problem, []).append(int(step))
    return steps, troubles


def _probed(file: Path) -> list[str]:
    """The fixed prompts in a file. Most files have none, which their footers tell without any row being read."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        groups = [opened.metadata.row_group(index) for index in range(opened.num_row_groups)]
        columns = [group.column(place) for group in groups for place in range(group.num_columns)]
        told = [column.statistics for column in columns if column.path_in_schema == "probe"]
        if all(found is not None and found.has_min_max and not found.max for found in told):
            return []
        rows = opened.read(columns=["problem", "probe"]).to_pylist()
    return list(dict.fromkeys(str(row.get("problem")) for row in rows if row.get("probe")))


def evenly(items: Sequence[int], most: int) -> list[int]:
    """At most `most` of them, first and last among them, evenly spaced."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]
