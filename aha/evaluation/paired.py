"""Tests of two models on the same questions: the paired bootstrap, and McNemar's test. Q questions, K samples of each.

paired_bootstrap([[1, 0], [1, 1]], [[0, 0], [1, 1]])  ->  Paired(interval=Interval(0.25, 0.0, 0.5), p=...)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aha.stats import Interval, question_means


@dataclass(frozen=True, slots=True)
class Paired:
    """A difference with its interval, and how likely one as large is where there is none (two-sided)."""

    interval: Interval
    p: float


def paired_bootstrap(
    a_QK: Iterable[Sequence[float]], b_QK: Iterable[Sequence[float]], seed: int = 0, repeats: int = 10_000
) -> Paired:
    """How much better a does than b: the questions, each with its pair of means, are drawn anew with replacement.

    p is twice the smaller share of redrawn differences on one side of zero, and never below 2 / (repeats + 1).
    """
    a_Q, b_Q = question_means(a_QK), question_means(b_QK)
    if len(a_Q) != len(b_Q):
        raise ValueError(f"{len(a_Q)} questions cannot be paired with {len(b_Q)}")
    moved_Q = np.array(a_Q) - np.array(b_Q)
    generator, Q = np.random.default_rng(seed), len(moved_Q)
    batch = max(1, 1_000_000 // Q)
    drawn_R = np.concatenate([
        moved_Q[generator.integers(Q, size=(min(batch, repeats - done), Q))].mean(1) for done in range(0, repeats, batch)
    ])  # fmt: skip
    low, high = np.quantile(drawn_R, [0.025, 0.975])
    beyond = min(int((drawn_R <= 1e-12).sum()), int((drawn_R >= -1e-12).sum()))
    p = min(1.0, 2 * (beyond + 1) / (repeats + 1))
    return Paired(Interval(float(moved_Q.mean()), float(low), float(high)), p)


@dataclass(frozen=True, slots=True)
class McNemar:
    """Questions that only the one, and only the other, got right; p is that of an even split of them."""

    only_a: int
    only_b: int
    p: float


def mcnemar(a_Q: Sequence[bool], b_Q: Sequence[bool]) -> McNemar:
    """The exact two-sided test of McNemar (1947): one outcome a question, and only the questions where the two differ."""
    pairs = list(zip(a_Q, b_Q, strict=True))
    only_a, only_b = (
        sum(1 for a, b in pairs if (bool(a), bool(b)) == which) for which in ((True, False), (False, True))
    )
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return McNemar(only_a, only_b, min(1.0, 2 * tail / 2**n))
