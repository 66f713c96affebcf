"""Rewards that look at how long a reply is, and at how often it repeats itself.

    rubric = Rubric((1.0, cosine(correct, max_tokens=480)), (0.5, repetition()), (0.1, formatted))

Lengths are counted in tokens, the end mark included, as the trainer counts them. The third reward of this family, the
soft penalty for overlong replies (DAPO, 2503.14476, section 3.4), is a setting of the trainer, `grpo.overlong`, because
only the trainer knows where replies are cut; do not combine it with `cosine`, which already punishes a reply that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from aha.rewards.rubric import Grade, GroupGrader, each
from aha.types import Completion, Problem


def cosine_between(length: int, max_tokens: int, start: float, end: float) -> float:
    """Half a cosine wave from `start` at length 0 to `end` at `max_tokens` (2502.03373's CosFn)."""
    return end + (start - end) * (1 + math.cos(math.pi * length / max_tokens)) / 2


def cosine(
    correct: GroupGrader,
    max_tokens: int,
    right: tuple[float, float] = (1.0, 0.5),
    wrong: tuple[float, float] = (-1.0, -0.5),
    cut_off: float = -1.0,
) -> GroupGrader:
    """The cosine length reward (2502.03373, section 4), named `cosine`; it takes `correct`'s place.

    `right` and `wrong` are what a reply earns at length 0 and at `max_tokens`: a right one is worth more when short, a
    wrong one less bad when it at least tried. A reply that ran out of tokens earns `cut_off`, right or not. A reply is
    right where `correct` gives it at least 1; where that gives None, so does this. The reward raises ValueError for a
    reply without token ids, whose length is unknown.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}; the longest reply has at least one token")

    def value(grade: Grade, completion: Completion) -> Grade:
        earned, reason = grade if isinstance(grade, tuple) else (grade, "")
        if earned is None:
            return None, reason
        length = _length(completion)
        if completion.finish == "length":
            return cut_off, reason or "cut off"
        return cosine_between(min(length, max_tokens), max_tokens, *(right if earned >= 1 else wrong)), reason

    def reward(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        return [value(grade, completion) for grade, completion in zip(correct(problem, group), group, strict=True)]

    reward.__name__ = "cosine"
    return reward


def repetition(ngram: int = 20) -> GroupGrader:
    """The share of a reply's runs of `ngram` tokens that it has written before, as a penalty in [-1, 0].

    After 2502.03373, section 4, which subtracts at each repeated token; here it is one number for the whole reply.
    Honest searches repeat short runs all the time ("no, try"), loops repeat long ones: choose `ngram` longer than a
    step of the task. A reply shorter than two runs earns 0.
    """
    if ngram < 1:
        raise ValueError(f"ngram is {ngram}; a run has at least one token")

    def share(problem: Problem, completion: Completion) -> Grade:
        ids = completion.token_ids[: _length(completion)]
        runs = list(zip(*(ids[start:] for start in range(ngram)), strict=False))
        repeated = len(runs) - len(set(runs))
        return (-repeated / len(runs), "repetition") if repeated else 0.0

    share.__name__ = "repetition"
    return each(share)


def _length(completion: Completion) -> int:
    if completion.text and not completion.token_ids:
        raise ValueError(
            "this reply has text but no token ids, so its length is unknown: its engine does not give them"
        )
    return len(completion.token_ids)
