"""A run folder as a line of the list: how it stands, what came of it, what it cost. A damaged one is a line as well."""

from __future__ import annotations

import re
import sys
import threading
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aha.pipeline.cost import cost_of
from aha.pipeline.shape import changes, sentence
from aha.pipeline.whole import PART, Whole, load_whole
from aha.record import Row, Run, first_try, load_run, points, tasks, value
from aha.serve.runs_find import Found, at_work
from aha.svg import number

WATCHED = ("stages.json", "stages", "metrics.jsonl", "evals.jsonl", "settings.toml", "environment.json", "samples")
NOT_DAMAGE = ("is not finished", "No stage is complete")
"""What a sentence of `load_whole` holds that tells of unfinished work."""

Line = dict[str, Any]


class Summaries:
    """The lines of the list, made again where a file has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Any, Line]] = {}

    def of(self, found: Found) -> Line:
        """The line of one run. Never raises: whatever a folder holds, the list goes on."""
        prints = fingerprint(found.folder)
        with self._lock:
            known = self._known.get(found.name)
        if known and known[0] == prints:
            line = known[1]
        else:
            line = _line(found)
            with self._lock:
                self._known[found.name] = (prints, line)
        working = not found.trouble and at_work(found.folder / "lock")
        return {**line, "state": "running"} if working else line


def fingerprint(folder: Path) -> list[tuple[str, int, int]]:
    """What changes when a run goes on."""
    prints = []
    parts = sorted((folder / "stages").glob(f"*{PART}/*.jsonl"))
    for file in [*(folder / name for name in WATCHED), *parts]:
        with suppress(OSError):
            status = file.stat()
            prints.append((file.name, status.st_mtime_ns, status.st_size))
    return prints


def _line(found: Found) -> Line:
    begun = {"run": found.name, "state": "damaged", "recipe": "", "stage": "", "headline": "", "cost": "",
             "changed": changed(found.folder), "troubles": []}  # fmt: skip
    if found.trouble:
        return begun | {"troubles": [found.trouble]}
    try:
        whole = (found.folder / "stages").is_dir()
        told = of_stages(load_whole(found.folder)) if whole else of_training(load_run(found.folder))
        return begun | told
    except Exception as error:  # a folder may hold anything, and the others are to be seen
        print(f"warning: {found.folder}: {type(error).__name__}: {error}", file=sys.stderr)
        return begun | {"troubles": [f"it cannot be read: {error}"[:300]]}


def changed(folder: Path) -> float:
    """When something in the folder changed last, in seconds since 1970."""
    return max((mtime for _, mtime, _ in fingerprint(folder)), default=0) / 1e9


def of_stages(run: Whole) -> Line:
    """A run of stages in a line."""
    damage = [trouble for trouble in run.troubles if not any(sign in trouble for sign in NOT_DAMAGE)]
    waiting = unfinished(run)
    told = next((said for change in changes(run) if (said := sentence(change))), "")
    last = waiting[-1] if waiting else f"{len(run.stages)} stages"
    state = "damaged" if damage else "stopped" if waiting else "finished" if run.stages else "empty"
    starts = [start for log in run.logs.values() for start in log.environment]
    return {
        "kind": "stages", "state": state, "recipe": recipe(starts), "stage": last, "troubles": run.troubles,
        "headline": told or (str(run.stages[-1].record.get("headline", "")) if run.stages else ""),
        "cost": cost_of(run.stages).in_words() if run.stages else "",
    }  # fmt: skip


def unfinished(run: Whole) -> list[str]:
    """The stages that were begun and are not complete, by name."""
    complete = {stage.name for stage in run.stages}
    names = [folder.name.removesuffix(PART).rpartition("-")[0] for folder in run.root.glob(f"stages/*{PART}")]
    return sorted(set(names) - complete)


def of_training(run: Run) -> Line:
    """One stretch of training in a line."""
    step, steps = last_step(run.metrics), steps_of(run.settings)
    finished = steps and step >= steps
    state = "damaged" if run.troubles else "finished" if finished else "stopped" if run.metrics else "empty"
    stage = f"step {step:,.0f}" + (f" of {steps:,.0f}" if steps else "") if run.metrics else ""
    return {
        "kind": "training", "state": state, "recipe": recipe(run.environment), "stage": stage,
        "headline": "; ".join(result(task, rows) for task, rows in tasks(run.evals).items()), "cost": cost(run.metrics),
        "troubles": run.troubles,
    }  # fmt: skip


def result(task: str, rows: Sequence[Row]) -> str:
    """The first evaluation of a task beside the last: countdown pass@1 9.9 % -> 84.5 % (82.9 to 86.0)."""
    found = [interval for row in rows if (interval := first_try(row))]
    if not found:
        return f"{task}: no pass@1"
    before, after = found[0], found[-1]
    change = f"{number(before.mean, True)} → " if len(found) > 1 else ""
    return f"{task} pass@1 {change}{number(after.mean, True)} ({100 * after.low:.1f} to {100 * after.high:.1f})"


def cost(metrics: Sequence[Row]) -> str:
    """What training took, in words."""
    if not metrics:
        return ""
    seconds, tokens = (sum(n for _, n in points(metrics, key)) for key in ("seconds/step", "sampled_tokens"))
    sampled = f", {tokens / 1e6:.2f} M tokens sampled" if tokens else ""
    return f"{seconds / 60:.1f} minutes{sampled}"


def recipe(starts: Sequence[Row]) -> str:
    """The recipe that the first start was told to run, by its file's name; empty where that is unknown."""
    argv = starts[0].get("argv") if starts else None
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    files = [word for word in words if word.endswith(".toml") and not word.startswith("-")]
    return Path(files[0]).stem if files else ""


def last_step(metrics: Sequence[Row]) -> float:
    """The newest step of a log, 0 before the first."""
    return max((found for row in metrics if (found := value(row, "step")) is not None), default=0.0)


def steps_of(settings: str) -> int:
    """How many steps a run was told to take, 0 where its settings do not say."""
    try:
        told = tomllib.loads(settings)
    except (tomllib.TOMLDecodeError, RecursionError):
        return 0
    inner = [table.get("steps") for table in told.values() if isinstance(table, dict)]
    found = next((n for n in [told.get("steps"), *inner] if isinstance(n, int) and not isinstance(n, bool)), 0)
    return max(0, found)


def words_of(name: str) -> str:
    """A stage's name from its folder's: zero-7c2447090ef8 is zero."""
    return re.sub(rf"-[0-9a-f]{{12}}({re.escape(PART)})?$", "", name)
