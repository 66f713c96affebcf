"""A trained model's scores as rewards, and which part of a reply such a model may see.

R1's last stage (arXiv 2501.12948, section 2.3.4) scores helpfulness on the final summary alone, so that the model's
taste does not reach into the reasoning, and harmlessness on the whole reply, thinking included, because harm may hide
there. Learned rewards are hacked when trained against for long; R1 used them in the last 400 of 1,700 steps only.

    rubric = Rubric((1.0, helpful(scorer)), (1.0, formatted))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from aha.rewards.format import read_reply
from aha.rewards.rubric import Grade, GroupGrader
from aha.types import Completion, Problem


class Scorer(Protocol):
    """A trained outcome model. It knows nothing of tags, tasks or rewards."""

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Sequence[float | None]:
        """A logit for each (prompt, text), higher is better; None where the model could not be reached or failed."""
        ...


def helpful(scorer: Scorer) -> GroupGrader:
    """How helpful the final summary is, in (0, 1): the logistic of the score, which sees nothing else.

    The logistic gives a reply without a summary, which earns 0, the lowest reward there is. A raw score may be
    negative, and then having no summary would pay.
    """

    def helpful(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        read = [read_reply(completion) for completion in group]
        summaries = [reply.answer for reply, _ in read if reply is not None]
        values = iter(_values(scorer, problem, summaries))
        return [(0.0, reason) if reply is None else next(values) for reply, reason in read]

    return helpful


def harmless(scorer: Scorer) -> GroupGrader:
    """How harmless the whole reply is, thinking included, in (0, 1): the logistic of the score.

    A reply that is cut off or breaks the template is scored all the same: what it said, it said.
    """

    def harmless(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        return _values(scorer, problem, [completion.text for completion in group])

    return harmless


def _values(scorer: Scorer, problem: Problem, texts: Sequence[str]) -> list[Grade]:
    """Raises ValueError for scores that are missing or not finite: the model is broken, and the run should stop."""
    scores = list(scorer([(problem.prompt, text) for text in texts])) if texts else []
    if len(scores) != len(texts):
        raise ValueError(f"the scorer gave {len(scores)} scores for {len(texts)} texts")
    if not all(score is None or math.isfinite(score) for score in scores):
        raise ValueError(f"the scorer gave scores that are not finite: {scores}")
    return [(None, "scorer failed") if score is None else _logistic(score) for score in scores]


def _logistic(score: float) -> float:
    return (1 + math.tanh(score / 2)) / 2
