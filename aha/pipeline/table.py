"""The stage table: every model on every evaluation, with intervals and what it cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aha import disk
from aha.evaluate import Evaluation, evaluate
from aha.pipeline.filters import is_readable
from aha.pipeline.recipe_r1 import Table
from aha.pipeline.world import Exam, exams
from aha.runlog import read_samples
from aha.stats import clustered_mean
from aha.types import Engine, Sampling

__all__ = ["examine", "read_samples"]


def examine(folder: Path, engine: Engine, settings: Table, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure a model on every evaluation; results.json has the numbers, replies.jsonl the first reply to each prompt.

    An interrupted measurement goes on with the first evaluation that is not done.
    """
    began, results = time.perf_counter(), {}
    for exam in exams(settings.questions):
        part = folder / f"{exam.name.replace(' ', '-').replace(',', '')}.json"
        if not part.exists():
            disk.write_whole(part, (json.dumps(_sat(exam, engine, settings), ensure_ascii=False) + "\n").encode())
        results[exam.name] = json.loads(part.read_text())
    disk.write_whole(folder / "results.json", (json.dumps(_told(results), indent=1) + "\n").encode())
    tokens = sum(told["tokens"] for told in results.values())
    return {
        "headline": ", ".join(f"{name} {told['pass@1']:.0%}" for name, told in results.items()),
        "sampled_tokens": tokens,
        "results": results,
        "exam_seconds": round(time.perf_counter() - began, 1),
    }


def _sat(exam: Exam, engine: Engine, settings: Table) -> dict[str, Any]:
    """One evaluation."""
    sampling = Sampling(settings.samples, settings.max_tokens, settings.temperature, settings.top_p, seed=1)
    result = evaluate(engine, exam.task, exam.problems, sampling)
    return result.summary | _manners(result) | {"examples": _examples(result)}


def _manners(result: Evaluation) -> dict[str, Any]:
    """Readability with its interval, and the tokens sampled."""
    readable_QK = [
        [float(is_readable(problem, reply)) for reply in group]
        for problem, group in zip(result.problems, result.groups, strict=True)
    ]
    share = clustered_mean(readable_QK)
    tokens = sum(len(reply.token_ids) for group in result.groups for reply in group)
    return {"readable": share.mean, "readable_low": share.low, "readable_high": share.high, "tokens": tokens}


def _examples(result: Evaluation, most: int = 3) -> list[dict[str, str]]:
    """The first reply to each of the first few prompts."""
    chosen = list(zip(result.problems, result.groups, strict=True))[:most]
    return [{"prompt": problem.prompt, "reply": group[0].text} for problem, group in chosen]


def _told(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The numbers that do not depend on the clock: what the stage's hash is made of."""
    return {name: {k: v for k, v in told.items() if k not in ("seconds", "examples")} for name, told in results.items()}


def as_markdown(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Models as columns, evaluations as rows, as the paper's table 3."""
    names = [name for name, _ in rows]
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for exam in rows[0][1]:
        cells = [_interval(results[exam], "pass@1") for _, results in rows]
        lines.append(f"| {exam} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _interval(told: dict[str, Any], key: str) -> str:
    margin = (told[f"{key}_high"] - told[f"{key}_low"]) / 2
    return f"{told[key]:.1%} ± {margin:.1%}"
