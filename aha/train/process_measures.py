"""How good the scores of steps are, and how good the labels they were learnt from.

    measure(scorer, rows)             scores against labels: first errors found, AUC, calibration
    agreement(sampled, exact)         Monte-Carlo labels against the truth

Best-of-n alone would flatter a process model: it can win by judging the last step only (arXiv 2501.07301). What it
is for is to name the first wrong step (ProcessBench, arXiv 2412.06559). Every interval is at 95 % and over problems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from aha.errors import DataError
from aha.stats import Interval, clustered_mean
from aha.tasks.process_labels import Label, LabelledSteps

BINS = 10
"""Of equal width, for calibration."""

StepScorer = Callable[[Sequence[str], Sequence[str]], tuple[list[list[float]], list[int]]]
"""Prompts and replies in, each reply's scores out: `aha.search.types.StepScorer` as a plain signature."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A process model's scores against labels."""

    steps: int
    """Labelled steps."""
    replies: int
    """Replies with a labelled step."""
    auc: Interval
    """The chance that a right step scores above a wrong one; 1/2 is blind."""
    calibration: float
    """How far scores are from the share of right steps among their like, on average over steps (ECE, 10 bins)."""
    brier: float
    """Mean squared distance of score and label."""
    bins: tuple[tuple[float, float, int], ...]
    """(mean score, share right, steps) of each bin that has any, for a picture."""
    first_error: Interval | None
    """Share of replies with a wrong step whose first one is named; None where there is none."""
    none_wrong: Interval | None
    """Share of replies without a wrong step in which none is named; None where there is none."""

    @property
    def f1(self) -> float | None:
        """The harmonic mean of the two shares, ProcessBench's figure; None without both kinds of replies."""
        if self.first_error is None or self.none_wrong is None:
            return None
        a, b = self.first_error.mean, self.none_wrong.mean
        return 2 * a * b / (a + b) if a + b else 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Sampled labels against exact ones, over the steps that have both."""

    steps: int
    agree: Interval
    """Share of steps on which both say right or both say wrong."""
    auc: Interval
    """The chance that the sampled share is higher for a right step than for a wrong one."""
    wrong_called_right: float | None
    """Of the steps that are wrong, the share from which sampling still got there."""
    right_called_wrong: float | None
    """Of the steps that are right, the share from which it did not."""


def measure(scorer: StepScorer, rows: Sequence[LabelledSteps], threshold: float = 0.5) -> Measured:
    """Score every row and compare. A step below `threshold` is named wrong; labels count as right from 1/2.

    Raises DataError where no step has a label.
    """
    scores, _ = scorer([row.prompt for row in rows], ["".join(row.steps) for row in rows])
    return compare(rows, scores, threshold)


def compare(rows: Sequence[LabelledSteps], scores: Sequence[Sequence[float]], threshold: float = 0.5) -> Measured:
    """The same of given scores, one for each step of each row. Raises DataError where their numbers differ."""
    for number, (row, own) in enumerate(zip(rows, scores, strict=True)):
        if not len(own) == len(row.steps) == len(row.labels):
            raise DataError(f"row {number}: {len(own)} scores, {len(row.steps)} steps and {len(row.labels)} labels")
    known = [
        (row.prompt, [(s, y) for s, y in zip(own, row.labels, strict=True) if y is not None])
        for row, own in zip(rows, scores, strict=True)
    ]
    known = [(prompt, pairs) for prompt, pairs in known if pairs]
    if not known:
        raise DataError("nothing can be measured: no step has a label")
    flat = [(prompt, s, y) for prompt, pairs in known for s, y in pairs]
    named: dict[bool, dict[str, list[float]]] = {True: defaultdict(list), False: defaultdict(list)}
    for prompt, pairs in known:
        first = first_below([y for _, y in pairs], 0.5)
        named[first is not None][prompt].append(float(first == first_below([s for s, _ in pairs], threshold)))
    bins = _bins(flat)
    return Measured(
        len(flat), len(known), _clustered_auc(flat),
        sum(abs(score - right) * n for score, right, n in bins) / len(flat), fmean((s - y) ** 2 for _, s, y in flat), bins,
        *(clustered_mean(named[wrong].values()) if named[wrong] else None for wrong in (True, False)),
    )  # fmt: skip


def agreement(sampled: Sequence[LabelledSteps], exact: Sequence[LabelledSteps]) -> Agreement:
    """How far sampled labels say what exact ones say. Raises DataError for rows that are not of the same replies."""
    flat = list[tuple[str, float, float]]()
    for number, (row, truth) in enumerate(zip(sampled, exact, strict=True)):
        if row.prompt != truth.prompt or row.steps != truth.steps:
            raise DataError(f"row {number} is not of the same reply in both sets of labels")
        both: list[tuple[Label, Label]] = list(zip(row.labels, truth.labels, strict=True))
        flat += [(row.prompt, s, y) for s, y in both if s is not None and y is not None]
    return agree(flat)


def agree(flat: Sequence[tuple[str, float, float]]) -> Agreement:
    """The same of (problem, sampled share, exact label) triples. A share above 0 says right: some sample got there."""
    if not flat:
        raise DataError("nothing can be compared: no step has both labels")
    same = defaultdict[str, list[float]](list)
    for problem, s, y in flat:
        same[problem].append(float((s > 0) == (y >= 0.5)))
    wrong, right = ([s for _, s, y in flat if (y >= 0.5) == is_right] for is_right in (False, True))
    return Agreement(
        len(flat), clustered_mean(same.values()), _clustered_auc(flat),
        fmean(s > 0 for s in wrong) if wrong else None, fmean(s == 0 for s in right) if right else None,
    )  # fmt: skip


def first_below(values: Sequence[float], threshold: float) -> int | None:
    """Where the first value below the threshold stands; None where there is none."""
    return next((i for i, value in enumerate(values) if value < threshold), None)


def auc(scores: Sequence[float], labels: Sequence[float]) -> float | None:
    """The chance that a right one scores above a wrong one, ties counting half (Mann-Whitney); None without both."""
    s, right = np.asarray(scores, dtype=float), np.asarray(labels, dtype=float) >= 0.5
    n = int(right.sum())
    if n in (0, len(s)):
        return None
    _, place, count = np.unique(s, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[right].sum() - n * (n + 1) / 2) / (n * (len(s) - n)))


def _clustered_auc(flat: Sequence[tuple[str, float, float]], repeats: int = 200) -> Interval:
    """The AUC, with the percentile interval of problems drawn anew. Half, from 0 to 1, where one kind is missing."""
    own = defaultdict[str, list[tuple[float, float]]](list)
    for problem, s, y in flat:
        own[problem].append((s, y))
    clusters = [np.array(pairs) for pairs in own.values()]
    whole, generator = np.concatenate(clusters), np.random.default_rng(0)
    found = auc(whole[:, 0].tolist(), whole[:, 1].tolist())
    if found is None:
        return Interval(0.5, 0.0, 1.0)
    draws = [
        np.concatenate([clusters[i] for i in generator.integers(len(clusters), size=len(clusters))])
        for _ in range(repeats)
    ]
    values = [value for d in draws if (value := auc(d[:, 0].tolist(), d[:, 1].tolist())) is not None]
    low, high = np.quantile(values, [0.025, 0.975]) if values else (0.0, 1.0)
    return Interval(found, float(low), float(high))


def _bins(flat: Sequence[tuple[str, float, float]]) -> tuple[tuple[float, float, int], ...]:
    held = defaultdict[int, list[tuple[float, float]]](list)
    for _, s, y in flat:
        held[min(BINS - 1, int(s * BINS))].append((s, y))
    return tuple((fmean(s for s, _ in own), fmean(y for _, y in own), len(own)) for _, own in sorted(held.items()))
