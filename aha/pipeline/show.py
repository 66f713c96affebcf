"""A run's stages as a tree: what came from what, with how much data, and what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from aha.pipeline.cost import cost_of
from aha.pipeline.runner import Stage
from aha.pipeline.whole import load_whole

ROLES = ("base", "model", "zero", "traces")
"""Under which of its inputs a stage is drawn: the first of these it has."""


def tree(out: Path, price: float = 0.0) -> list[str]:
    """Lines that draw the stages of a run, and what is unfinished or damaged. Raises RunError for any other folder."""
    run = load_whole(out)
    stages = [stage for stage in run.stages if not stage.name.startswith("exam-")]
    under: defaultdict[str, list[Stage]] = defaultdict(list)
    known = {stage.name for stage in stages}
    given = []
    for stage in stages:
        parent = parent_of(stage)
        under[parent].append(stage)
        if parent not in known and parent not in given:
            given.append(parent)
    exams = f", {hidden} of them exams that are not drawn" if (hidden := len(run.stages) - len(stages)) else ""
    lines = [f"{out}: {len(run.stages)} stages{exams}, {cost_of(run.stages).in_words(price)}"]
    for name in given:
        lines += [f"{name} (given)", *_branches(name, under, "")]
    return lines + run.troubles


def parent_of(stage: Stage) -> str:
    """The stage it is drawn under."""
    inputs = stage.record["inputs"]
    role = next((role for role in ROLES if role in inputs), next(iter(inputs)))
    return str(inputs[role]["stage"])


def _branches(name: str, under: dict[str, list[Stage]], indent: str) -> Iterator[str]:
    children: Sequence[Stage] = under.get(name, ())
    for i, stage in enumerate(children):
        last = i == len(children) - 1
        others = [told["stage"] for told in stage.record["inputs"].values() if told["stage"] != name]
        beside = f" + {', '.join(others)}" if others else ""
        yield f"{indent}{'└── ' if last else '├── '}{stage.name}{beside}: {stage.record.get('headline', '')}"
        yield from _branches(stage.name, under, indent + ("    " if last else "│   "))
