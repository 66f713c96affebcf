"""Reading a run of stages, whole or not: what is complete, what is at work, and a sentence for what is damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aha.errors import AhaError, RunError
from aha.pipeline.runner import RECORD, Stage
from aha.record import Row, Run, load_run, value
from aha.tables import read_jsonl

PART = ".part"
COUNTS = ("sampled_tokens", "trained_tokens", "weights", "threads")
"""What a record counts; left out where it is no number."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What a run of stages holds."""

    root: Path
    stages: list[Stage]
    logs: dict[str, Run]
    """By the name of a stage that trained: its metrics, its evaluations and where it ran."""
    troubles: list[str]
    """A sentence for everything that is unfinished or damaged."""

    @property
    def exams(self) -> dict[str, dict[str, Row]]:
        """What was measured, by model and evaluation."""
        return {examined(s): _rows(s.record["results"]) for s in self.stages if "results" in s.record}

    @property
    def students(self) -> list[str]:
        """Given models that learn from the second data set; what they become is called distill-NAME."""
        names = [stage.name for stage in self.stages]
        return [name.removeprefix("distill-") for name in names if name.startswith("distill-")]

    @property
    def recipe_exams(self) -> dict[str, dict[str, Row]]:
        """What was measured of the models that the recipe leads through, from the base to R1."""
        others = {*self.students, *(f"distill-{name}" for name in self.students)}
        return {name: results for name, results in self.exams.items() if name not in others}

    def holding(self, key: str) -> list[Stage]:
        """The stages whose record says something under `key`."""
        return [stage for stage in self.stages if key in stage.record]


def load_whole(root: Path) -> Whole:
    """Read a run of stages. What cannot be read is left out and told. Raises RunError when the folder is none."""
    if not (root / "stages").is_dir():
        raise RunError(f"{root} is no run of stages: it has no folder of them")
    troubles: list[str] = []
    names = _names(root, troubles)
    stages = [stage for name in names if (stage := _stage(root / "stages" / name, troubles))]
    logs = {stage.name: log for stage in stages if (log := _log(stage, troubles))}
    return Whole(root, stages, logs, troubles + list(_unfinished(root, {stage.name for stage in stages})))


def examined(stage: Stage) -> str:
    """Which model a stage measured."""
    told = stage.record["inputs"].get("model", {})
    return str(told.get("stage") or stage.name.removeprefix("exam-"))


def _names(root: Path, troubles: list[str]) -> list[str]:
    """The folders of the stages in order; without a list that can be read, all complete ones by the time they began."""
    listed, names = root / "stages.json", None
    found = [file.parent.name for file in root.glob(f"stages/*/{RECORD}") if file.parent.suffix != PART]
    if not found and not listed.exists():
        troubles.append("No stage is complete yet.")
        return []
    with suppress(OSError, ValueError):
        names = json.loads(listed.read_text(encoding="utf-8"))
    if isinstance(names, list) and all(isinstance(name, str) and Path(name).name == name for name in names):
        return names
    troubles.append("stages.json cannot be read: every complete stage is shown, of older settings too.")
    return sorted(found, key=lambda name: (_began(root / "stages" / name), name))


def _began(folder: Path) -> float:
    stage = _stage(folder, [])
    return value(stage.record, "began") or 0.0 if stage else 0.0


def _stage(folder: Path, troubles: list[str]) -> Stage | None:
    """A complete stage, or None and a sentence."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        lacks = [name for name, fits in _needs(record) if not fits]
    except (OSError, ValueError, AttributeError) as error:
        troubles.append(f"{folder.name} could not be read and is left out: {error}")
        return None
    if lacks:
        troubles.append(f"The record of {folder.name} has no usable {', '.join(lacks)}; the stage is left out.")
        return None
    clean: dict[str, Any] = {k: v for k, v in record.items() if k not in COUNTS or value(record, k) is not None}
    if not isinstance(clean.get("results", {}), dict):
        troubles.append(f"The results of {folder.name} cannot be read and are left out.")
        del clean["results"]
    return Stage(record["stage"], folder, record["digest"], clean)


def _needs(record: Row) -> Iterator[tuple[str, bool]]:
    """What a record must say to be shown at all, and whether it does."""
    inputs = record.get("inputs")
    yield "stage", isinstance(record.get("stage"), str)
    yield "digest", isinstance(record.get("digest"), str)
    yield "seconds", value(record, "seconds") is not None
    yield "inputs", isinstance(inputs, dict) and all(isinstance(x, dict) and "stage" in x for x in inputs.values())


def _log(stage: Stage, troubles: list[str]) -> Run | None:
    """The run folder that a stage of training is as well."""
    if not (stage.folder / "metrics.jsonl").exists():
        return None
    try:
        log = load_run(stage.folder)
    except AhaError as error:
        troubles.append(f"{stage.name}: {error}")
        return None
    troubles += [f"{stage.name}: {trouble}" for trouble in log.troubles]
    return log


def _unfinished(root: Path, complete: set[str]) -> Iterator[str]:
    """A sentence for each stage that is at work or was interrupted."""
    for folder in sorted(root.glob(f"stages/*{PART}")):
        name = folder.name.removesuffix(PART).rpartition("-")[0]
        if name not in complete:
            try:
                rows = read_jsonl(folder / "metrics.jsonl")
            except (AhaError, OSError):
                rows = []
            step = f", at step {rows[-1].get('step')}" if rows else ""
            yield f"{name} is not finished{step}; it and what comes after it are missing here."


def _rows(results: Any) -> dict[str, Row]:
    return {str(name): row for name, row in results.items() if isinstance(row, dict)}
