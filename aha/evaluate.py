"""Evaluate: a task's test problems x an engine -> accuracy, pass@k, votes, each with its interval and cost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aha.chat import count_reflection, is_mixed
from aha.stats import bootstrap_interval, clustered_mean, cons_at_k, mean_pass_at_k
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling, Score


@dataclass(frozen=True)
class Evaluation:
    """Every reply of an evaluation with its score, and the numbers made of them."""

    problems: Sequence[Problem]
    groups: list[list[Completion]]
    scores: list[list[Score]]
    summary: dict[str, Any]


def evaluate(
    engine: Engine, task: Task, problems: Sequence[Problem], sampling: Sampling, part: str = "correct"
) -> Evaluation:
    """Sample `sampling.n` replies to each problem and grade them; `part` is the reward that counts as success.

    A question any of whose graders failed is left out of the statistics and counted under `failed`.
    """
    began = time.perf_counter()
    groups = engine.generate([problem.prompt for problem in problems], sampling)
    scores = [task.rubric(problem, group) for problem, group in zip(problems, groups, strict=True)]
    whole = [q for q, row in enumerate(scores) if all(score.parts[part] is not None for score in row)]
    correct_QK = [[float(score.parts[part] or 0.0) for score in scores[q]] for q in whole]
    answers_QK = [[task.answer_of(problems[q], reply) for reply in groups[q]] for q in whole]
    summary = {
        "task": task.name, "questions": len(whole), "failed": len(scores) - len(whole), "samples": sampling.n,
        "temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }  # fmt: skip
    summary |= accuracy(correct_QK, answers_QK, sampling.n) if whole else {}
    summary |= behaviour([reply for group in groups for reply in group], [s for row in scores for s in row])
    return Evaluation(problems, groups, scores, summary | {"seconds": time.perf_counter() - began})


def accuracy(correct_QK: list[list[float]], answers_QK: list[list[Any]], n: int) -> dict[str, Any]:
    """pass@1 with a 95 % interval clustered by question, pass@k unbiased, and votes over all n replies."""
    first = clustered_mean(correct_QK)
    powers = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= n]
    votes = cons_at_k(answers_QK, correct_QK, n)
    interval = bootstrap_interval(votes, seed=0)
    return {
        "pass@1": first.mean,
        "pass@1_low": first.low,
        "pass@1_high": first.high,
        "pass@k": {str(k): mean_pass_at_k(correct_QK, k) for k in powers},
        "cons@k": {str(n): sum(votes) / len(votes)},
        "cons_low": interval.low,
        "cons_high": interval.high,
    }


def behaviour(replies: Sequence[Completion], scores: Sequence[Score]) -> dict[str, Any]:
    """What the replies are like, whatever they earn."""
    count = max(1, len(replies))
    reasons = Counter(score.reason for score in scores if score.reason)
    return {
        "length_mean": sum(len(reply.token_ids) for reply in replies) / count,
        "truncated": sum(reply.finish == "length" for reply in replies) / count,
        "formatted": sum(float(score.parts.get("formatted") or 0.0) for score in scores) / count,
        "reflection": sum(count_reflection(reply.text) for reply in replies) / count,
        "mixed_language": sum(is_mixed(reply.text) for reply in replies) / count,
        "reasons": {reason: n / count for reason, n in sorted(reasons.items())},
    }
