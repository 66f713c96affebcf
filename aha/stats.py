"""The statistics of evaluation: every share with its interval, and what k tries or k votes would earn.

Shapes: Q questions, K samples of each. A question is one cluster: its samples are alike, so more of them make its own
mean sharper and say nothing about other questions. Every interval here is at 95 % and over questions
(arXiv 2411.00640).

    clustered_mean([[1, 0], [1, 1], [0, 0]])  ->  Interval(mean=0.5, low=0.0, high=1.0)
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from statistics import fmean, stdev

import numpy as np

Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean of n runs and their standard deviation, None when there is only one run."""

    mean: float
    sd: float | None
    n: int


def wilson(successes: float, n: float, z: float = 1.96) -> Interval:
    """A share of n independent trials, with Wilson's score interval.

    It stays inside [0, 1] and keeps a width at 0 and n successes, where the textbook interval shrinks to a point and
    misleads for n below a few hundred (arXiv 2503.01747).
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials is no share")
    p, scale = successes / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


@lru_cache(maxsize=256)
def t_quantile(degrees: int) -> float:
    """The 97.5 % point of Student's t, by bisection on its distribution (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    if degrees > 1000:
        return Z + (Z**3 + Z) / (4 * degrees)
    low, high = 0.0, 13.0  # 12.706 at one degree of freedom is the largest
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _central_share(middle, degrees) < 0.95 else (low, middle)
    return (low + high) / 2


def _central_share(t: float, degrees: int) -> float:
    """How much of Student's t lies between -t and t: a finite sum for whole degrees of freedom."""
    angle = math.atan(t / math.sqrt(degrees))
    odd = degrees % 2
    term = total = math.cos(angle) if odd else 1.0
    for power in range(2 + odd, degrees - 1, 2):
        term *= math.cos(angle) ** 2 * (power - 1) / power
        total += term
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if degrees > 1 else 0.0))


def t_interval(values: Sequence[float]) -> Interval:
    """The mean of two or more independent values, with Student's interval: of questions, or of training seeds."""
    if len(values) < 2:
        raise ValueError("an interval needs two values or more")
    mean = fmean(values)
    half = t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def question_means(correct_QK: Iterable[Sequence[float]]) -> list[float]:
    """One number for each question. Questions may have lost samples, so rows may differ in length."""
    rows = [list(row) for row in correct_QK]
    if not rows or not all(rows):
        raise ValueError("every question needs a graded sample, and there must be a question")
    return [fmean(row) for row in rows]


def clustered_mean(correct_QK: Iterable[Sequence[float]]) -> Interval:
    """The mean of a [questions, samples] matrix of values in [0, 1], with an interval clustered by question.

    Student's interval over the question means, clipped to [0, 1]. Where it would fail, Wilson's
    over questions: when all means are equal, so that their spread is zero, and when each is 0 or 1 (one sample a
    question, say), so that the questions are plain trials.
    """
    means_Q = question_means(correct_QK)
    if len(set(means_Q)) == 1 or set(means_Q) <= {0.0, 1.0}:
        return wilson(min(math.fsum(means_Q), len(means_Q)), len(means_Q))
    interval = t_interval(means_Q)
    return Interval(interval.mean, max(0.0, interval.low), min(1.0, interval.high))


def question_interval(values_QK: Iterable[Sequence[float]]) -> Interval:
    """The mean of a [questions, samples] matrix of values in [0, 1], with an interval that holds for few questions too.

    See `score_bounds`. A question's samples count once, as their mean, so rows may differ in length.
    """
    means_Q = np.array(question_means(values_QK))
    low, high = score_bounds(means_Q)
    mean = float(means_Q.mean())
    return Interval(mean, min(mean, float(low)), max(mean, float(high)))


def score_bounds(means_XQ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the 95 % interval of the mean over Q question means in [0, 1]; leading axes X are separate evaluations.

    Wilson's score interval for the effective number of questions: as many plain trials as would have the mean's measured
    variance (Korn and Graubard 1998), with the quantile of Student's t because that variance is measured too. Where the
    spread says nothing, because all means are equal or each is 0 or 1, it is Wilson's interval over questions.

    Its coverage by simulation is in tests/test_stats_coverage.py: 94.5 to 96 % at 30 questions where Student's interval
    has 91.5 to 95 %, since means near 0 or 1 are skewed. It falls to 93 % where nearly all questions are hopeless.
    """
    Q = means_XQ.shape[-1]
    p_X = means_XQ.mean(-1)
    binomial_X = p_X * (1 - p_X)
    variance_X = means_XQ.var(-1, ddof=1) if Q > 1 else np.zeros_like(p_X)
    plain_X = (variance_X < 1e-12) | ((means_XQ == 0) | (means_XQ == 1)).all(-1)
    effective_X = np.where(plain_X, Q, np.maximum(Q, Q * binomial_X / np.where(plain_X, 1.0, variance_X)))
    z_X = np.where(plain_X, Z, t_quantile(max(1, Q - 1)))
    scale_X = 1 + z_X**2 / effective_X
    centre_X = (p_X + z_X**2 / (2 * effective_X)) / scale_X
    half_X = z_X / scale_X * np.sqrt(binomial_X / effective_X + z_X**2 / (4 * effective_X**2))
    return np.clip(centre_X - half_X, 0, 1), np.clip(centre_X + half_X, 0, 1)


def paired_difference(a_QK: Iterable[Sequence[float]], b_QK: Iterable[Sequence[float]]) -> Interval:
    """How much better a does than b on the same questions, with an interval paired by question (arXiv 2411.00640).

    When every question moved by the same amount, the spread is zero and Student's interval a point. Then the interval
    says what Q questions can rule out: a share u of questions, Wilson's bound for 0 of Q, that moves to -1 or 1.
    """
    a_Q, b_Q = question_means(a_QK), question_means(b_QK)
    if len(a_Q) != len(b_Q):
        raise ValueError(f"{len(a_Q)} questions cannot be paired with {len(b_Q)}")
    moved_Q = [a - b for a, b in zip(a_Q, b_Q, strict=True)]
    if len(set(moved_Q)) == 1:
        moved, unseen = moved_Q[0], wilson(0, len(moved_Q)).high
        return Interval(moved, moved - unseen * (1 + moved), moved + unseen * (1 - moved))
    interval = t_interval(moved_Q)
    return Interval(interval.mean, max(-1.0, interval.low), min(1.0, interval.high))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that k of n samples, c of them correct, hold a correct one: 1 - C(n-c, k) / C(n, k).

    Unbiased (arXiv 2107.03374, equation 1), as the product of its figure 3 that never forms the large binomials.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} correct among {n} is undefined: k and the correct are at most n")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def mean_pass_at_k(correct_QK: Iterable[Sequence[float]], k: int) -> float:
    """`pass_at_k`, averaged over questions."""
    chances_Q = [pass_at_k(len(row), sum(map(bool, row)), k) for row in correct_QK]
    if not chances_Q:
        raise ValueError("there must be a question")
    return fmean(chances_Q)


def cons_at_k(
    answers_QK: Sequence[Sequence[Hashable | None]],
    correct_QK: Sequence[Sequence[float]],
    k: int,
    *,
    subsets: int = 200,
    seed: int = 0,
) -> list[float]:
    """Each question's credit under a majority vote of k of its samples; the mean over questions is cons@k.

    None is no answer and never votes. Tied answers share the credit: 1 / ties when one of them is correct. All
    k-subsets are counted where there are at most `subsets` (so k = n and k = 1 are exact), otherwise
    that many are drawn at random, the same on every call.
    """
    generator = random.Random(seed)
    credits_Q = []
    for answers, correct in zip(answers_QK, correct_QK, strict=True):
        ballots = list(zip(answers, correct, strict=True))
        draws = _subsets(len(ballots), k, subsets, generator)
        credits_Q.append(fmean(_vote([ballots[i] for i in draw]) for draw in draws))
    return credits_Q


def _subsets(n: int, k: int, most: int, generator: random.Random) -> Iterable[Sequence[int]]:
    if not 1 <= k <= n:
        raise ValueError(f"a vote of {k} needs {k} samples, not {n}")
    if math.comb(n, k) <= most:
        return combinations(range(n), k)
    return [generator.sample(range(n), k) for _ in range(most)]


def _vote(ballots: Sequence[tuple[Hashable | None, float]]) -> float:
    """The credit of one vote: how right its winners are. Equal answers graded unequally count by their mean."""
    votes: Counter[Hashable] = Counter(answer for answer, _ in ballots if answer is not None)
    if not votes:
        return 0.0
    grades: dict[Hashable, list[float]] = defaultdict(list)
    for answer, grade in ballots:
        grades[answer].append(float(grade))
    most = max(votes.values())
    return fmean(fmean(grades[answer]) for answer, count in votes.items() if count == most)


def bootstrap_interval(values_Q: Sequence[float], seed: int, repeats: int = 2000) -> Interval:
    """The mean of one value a question, with the percentile interval of questions drawn anew with replacement."""
    values = np.asarray(values_Q, dtype=float)
    if not len(values):
        raise ValueError("there must be a question")
    generator = np.random.default_rng(seed)
    means = [float(values[generator.integers(len(values), size=len(values))].mean()) for _ in range(repeats)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def mean_and_spread(values: Sequence[float]) -> Spread:
    """Mean, standard deviation and number of runs that differ in their seed alone. `t_interval` gives the interval."""
    if not values:
        raise ValueError("there must be a run")
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, len(values))
