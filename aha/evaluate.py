"""Evaluate: a task's test problems x an engine -> accuracy, pass@k, votes, each with its interval and cost.

`evaluate` samples and grades in one go, as training does now and then; `judged` grades replies that are there already.
Evaluations that are kept, continued and compared are in `aha.evaluation`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aha.chat import count_reflection, is_mixed
from aha.errors import RunError
from aha.stats import cons_at_k, pass_at_k, question_interval
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling, Score

POWERS = tuple(2**i for i in range(11))
"""The k of pass@k."""


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
    """Sample `sampling.n` replies to each problem and grade them; `part` is the reward that counts as success."""
    began = time.perf_counter()
    groups = engine.generate([problem.prompt for problem in problems], sampling)
    found = judged(task, problems, groups, sampling, part)
    return replace(found, summary=found.summary | {"seconds": time.perf_counter() - began})


def judged(
    task: Task,
    problems: Sequence[Problem],
    groups: list[list[Completion]],
    sampling: Sampling,
    part: str = "correct",
    votes: Sequence[int] = (),
) -> Evaluation:
    """Grade replies that were sampled as `sampling` says; `votes` are further k of cons@k beside `sampling.n`.

    A question any of whose graders failed is left out of the statistics and counted under `failed`. A reply that was
    cut off is right for no grader and votes for nothing. Raises RunError unless every question has `sampling.n` replies:
    what was never sampled must not count as wrong.
    """
    _complete(problems, groups, sampling.n)
    scores = [_uncut(task.rubric(p, group), group, part) for p, group in zip(problems, groups, strict=True)]
    whole = [q for q, row in enumerate(scores) if all(score.parts[part] is not None for score in row)]
    correct_QK = [[float(score.parts[part] or 0.0) for score in scores[q]] for q in whole]
    answers_QK = [[voted(task, problems[q], reply) for reply in groups[q]] for q in whole]
    summary = {
        "task": task.name, "questions": len(whole), "failed": len(scores) - len(whole), "samples": sampling.n,
        "temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }  # fmt: skip
    summary |= accuracy(correct_QK, answers_QK, [*votes, sampling.n]) if whole else {}
    summary |= behaviour([reply for group in groups for reply in group], [s for row in scores for s in row])
    return Evaluation(problems, groups, scores, summary)


def voted(task: Task, problem: Problem, reply: Completion) -> Any:
    """The answer a reply votes for; None where it has none or was cut off."""
    return None if reply.finish == "length" else task.answer_of(problem, reply)


def _complete(problems: Sequence[Problem], groups: Sequence[Sequence[Completion]], n: int) -> None:
    for problem, group in zip(problems, groups, strict=True):
        if len(group) != n:
            raise RunError(
                f"question {problem.id or problem.prompt[:60]!r} has {len(group)} replies where {n} were asked for; "
                f"sample the rest, or ask for {len(group)}"
            )


def _uncut(scores: Sequence[Score], group: Sequence[Completion], part: str) -> list[Score]:
    """Scores in which no reply that was cut off is right."""
    return [
        replace(score, parts=score.parts | {part: 0.0}, reason="cut off")
        if reply.finish == "length" and score.parts[part]
        else score
        for score, reply in zip(scores, group, strict=True)
    ]


def accuracy(correct_QK: list[list[float]], answers_QK: list[list[Any]], votes: Sequence[int]) -> dict[str, Any]:
    """pass@1 as the mean over replies, pass@k unbiased, cons@k over subsets; 95 % intervals over questions.

    `cons_low` and `cons_high` belong to the last of `votes`.
    """
    first = question_interval(correct_QK)
    tries = {k: _per_question([pass_at_k(len(row), sum(map(bool, row)), k) for row in correct_QK])
             for k in POWERS if k <= len(correct_QK[0])}  # fmt: skip
    shares = {k: _per_question(cons_at_k(answers_QK, correct_QK, k)) for k in votes}
    last = shares[votes[-1]]
    return {
        "pass@1": first.mean, "pass@1_low": first.low, "pass@1_high": first.high,
        "pass@k": {str(k): share.mean for k, share in tries.items()},
        "pass@k_intervals": {str(k): [share.low, share.high] for k, share in tries.items()},
        "cons@k": {str(k): share.mean for k, share in shares.items()},
        "cons@k_intervals": {str(k): [share.low, share.high] for k, share in shares.items()},
        "cons_low": last.low, "cons_high": last.high,
    }  # fmt: skip


def _per_question(values_Q: Sequence[float]) -> Any:
    return question_interval([[value] for value in values_Q])


def behaviour(replies: Sequence[Completion], scores: Sequence[Score]) -> dict[str, Any]:
    """What the replies are like, whatever they earn. `length_mean` is None where an engine does not tell tokens."""
    count = max(1, len(replies))
    reasons = Counter(score.reason for score in scores if score.reason)
    counted = all(reply.token_ids or not reply.text for reply in replies)
    return {
        "length_mean": sum(len(reply.token_ids) for reply in replies) / count if counted else None,
        "truncated": sum(reply.finish == "length" for reply in replies) / count,
        "formatted": sum(float(score.parts.get("formatted") or 0.0) for score in scores) / count,
        "reflection": sum(count_reflection(reply.text) for reply in replies) / count,
        "mixed_language": sum(is_mixed(reply.text) for reply in replies) / count,
        "reasons": {reason: n / count for reason, n in sorted(reasons.items())},
    }
