"""The stage table: every model on every evaluation, with intervals and what it cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aha import disk
from aha.chat import count_reflection, is_mixed
from aha.evaluate import Evaluation, judged
from aha.language import share_in
from aha.pipeline.filters import is_readable
from aha.pipeline.recipe_r1 import Table
from aha.pipeline.world import Exam, exams
from aha.rewards.language import thinking_of
from aha.runlog import read_samples
from aha.stats import clustered_mean, cons_at_k
from aha.types import Completion, Engine, Problem, Sampling

__all__ = ["examine", "read_samples"]


BY_QUESTION = "by_question"
"""Where an evaluation's means for each question stand in results.json: what paired comparisons are made of."""


def examine(
    folder: Path, engine: Engine, settings: Table, say: Callable[[str], None], asked: Sequence[Exam] | None = None
) -> dict[str, Any]:
    """Measure a model on every evaluation, or on those `asked`; results.json has the numbers, by question too.

    All are sampled in one call, so that the engine is busy while the last long replies of each end. An evaluation's
    `seconds` are its share of the sampling by tokens, and the time its grading took.
    """
    began, sitting = time.perf_counter(), exams(settings.questions) if asked is None else asked
    sampling = Sampling(settings.samples, settings.max_tokens, settings.temperature, settings.top_p, seed=1)
    groups = engine.generate([problem.prompt for exam in sitting for problem in exam.problems], sampling)
    say(f"sampled {sum(map(len, groups))} replies to {len(groups)} questions")
    sampled, tokens, replies = time.perf_counter() - began, _tokens(groups), iter(groups)
    results = {}
    for exam in sitting:
        found = _graded(exam, [next(replies) for _ in exam.problems], sampling)
        found["seconds"] += sampled * found["tokens"] / max(1, tokens)
        results[exam.name] = found
    disk.write_whole(folder / "results.json", (json.dumps(_told(results), indent=1) + "\n").encode())
    return {
        "headline": ", ".join(f"{name} {told['pass@1']:.0%}" for name, told in results.items()),
        "sampled_tokens": tokens,
        "results": {name: {k: v for k, v in told.items() if k != BY_QUESTION} for name, told in results.items()},
        "exam_seconds": round(time.perf_counter() - began, 1),
    }


def _graded(exam: Exam, groups: list[list[Completion]], sampling: Sampling) -> dict[str, Any]:
    """One evaluation."""
    began = time.perf_counter()
    result = judged(exam.task, exam.problems, groups, sampling)
    told = result.summary | _manners(result) | {"examples": _examples(result), BY_QUESTION: by_question(exam, result)}
    return told | {"tokens": _tokens(groups), "seconds": time.perf_counter() - began}


def _tokens(groups: Sequence[Sequence[Completion]]) -> int:
    return sum(len(reply.token_ids) for group in groups for reply in group)


def by_question(exam: Exam, result: Evaluation) -> dict[str, list[Any]]:
    """One value a question for every measure: the mean over its replies, their vote, and whether any is right.

    `own_language` is the share of the thinking's words in the question's language, 1 where it has no words.
    A question any of whose graders failed is left out, as `evaluate` does, so questions are paired by their `id`.
    """
    rows = [
        {"id": problem.id} | _means(exam, problem, group, [float(score.parts["correct"] or 0.0) for score in scores])
        for problem, group, scores in zip(result.problems, result.groups, result.scores, strict=True)
        if all(score.parts["correct"] is not None for score in scores)
    ]
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else {"id": ""})}


def _means(exam: Exam, problem: Problem, group: Sequence[Completion], correct: list[float]) -> dict[str, float]:
    n = len(group)
    [vote] = cons_at_k([[exam.task.answer_of(problem, reply) for reply in group]], [correct], n)
    spoken = [share_in(thinking_of(reply.text), problem.answer["language"]) for reply in group]
    words, lengths = [count_reflection(reply.text) for reply in group], [len(reply.token_ids) for reply in group]
    means = {
        "correct": sum(correct) / n,
        "vote": vote,
        "pass@n": float(any(correct)),
        "length": sum(lengths) / n,
        "reflection": sum(words) / n,
        "reflection_rate": 100 * sum(words) / max(1, sum(lengths)),
        "mixed_language": sum(is_mixed(reply.text) for reply in group) / n,
        "own_language": sum(1.0 if share is None else share for share in spoken) / n,
        "readable": sum(is_readable(problem, reply) for reply in group) / n,
    }
    return {name: round(mean, 5) for name, mean in means.items()}


def _manners(result: Evaluation) -> dict[str, Any]:
    """Readability with its interval."""
    readable_QK = [
        [float(is_readable(problem, reply)) for reply in group]
        for problem, group in zip(result.problems, result.groups, strict=True)
    ]
    share = clustered_mean(readable_QK)
    return {"readable": share.mean, "readable_low": share.low, "readable_high": share.high}


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
