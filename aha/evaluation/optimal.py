"""Compute-optimal scaling: how hard a question is decides how it is answered (arXiv 2408.03314, section 3).

    allocate(every, ease_Q, budget=1000, bins=5)

Questions are dealt into two folds. On one, quantiles of ease make five bins, and in each bin the method and size with the
most right answers within the budget is chosen; of equals, the cheaper. The choice is tested on the other fold, and the
other way round, so that no question chooses for itself. Beside it stand the best single method, chosen the same way, and
what choosing each bin's method on the very questions it is tested on would give, which no rule by bins can exceed.

Ease is the share of right samples ("oracle" in the paper: it needs the answers), or what can be had without
them: a scorer's mean, or how far samples agree. As in the paper, what finding it out takes is not in the bill.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from aha.evaluation.answers import Answers
from aha.stats import Interval, paired_difference, question_interval

BINS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule earned and took on all questions, each tested by a choice made on others."""

    credit_Q: list[float]
    tokens_Q: list[float]

    @property
    def accuracy(self) -> Interval:
        """The mean credit, with its interval over questions."""
        return question_interval([[credit] for credit in self.credit_Q])

    @property
    def tokens(self) -> float:
        """Tokens a question."""
        return fmean(self.tokens_Q)


@dataclass(frozen=True, slots=True)
class Allocation:
    """One budget."""

    budget: float
    optimal: Outcome
    single: Outcome
    oracle: Outcome
    """The best for each bin, chosen on the questions it is tested on."""
    lead: Interval
    """Of `optimal` over `single`, paired by question."""
    chosen: list[list[str]]
    """Of each fold, what it chose for each bin, the hardest first."""
    alone: list[str]
    """Of each fold, the single method it chose."""


def allocate(
    every: Sequence[Answers], ease_Q: Sequence[float], budget: float, bins: int = BINS, seed: int = 0
) -> Allocation:
    """Choose by difficulty within a budget in tokens a question. Raises ValueError for fewer than two questions."""
    if len(ease_Q) < 2:
        raise ValueError("two folds need two questions or more")
    credit_AQ = np.array([one.right_Q for one in every])
    tokens_AQ = np.array([one.total_Q for one in every])
    names = [f"{one.method} {one.size}" for one in every]
    optimal_Q, single_Q, oracle_Q = (np.zeros(len(ease_Q), int) for _ in range(3))
    chosen, alone = list[list[str]](), list[str]()
    halves = folds(ease_Q, seed)
    for learn, test in (halves, halves[::-1]):
        edges = quantiles([ease_Q[q] for q in learn], bins)
        bin_L, bin_T = (np.searchsorted(edges, [ease_Q[q] for q in part]) for part in (learn, test))
        best = [pick(credit_AQ, tokens_AQ, learn[bin_L == b], budget) for b in range(len(edges) + 1)]
        optimal_Q[test] = [best[b] for b in bin_T]
        single_Q[test] = pick(credit_AQ, tokens_AQ, learn, budget)
        for b in set(bin_T.tolist()):
            oracle_Q[test[bin_T == b]] = pick(credit_AQ, tokens_AQ, test[bin_T == b], budget)
        chosen.append([names[a] for a in best])
        alone.append(names[single_Q[test[0]]])

    def outcome(choice_Q: np.ndarray) -> Outcome:
        at = (choice_Q, np.arange(len(ease_Q)))
        return Outcome(credit_AQ[at].tolist(), tokens_AQ[at].tolist())

    optimal, single = outcome(optimal_Q), outcome(single_Q)
    lead = paired_difference([[c] for c in optimal.credit_Q], [[c] for c in single.credit_Q])
    return Allocation(budget, optimal, single, outcome(oracle_Q), lead, chosen, alone)


def folds(ease_Q: Sequence[float], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Questions in two halves of about the same ease: of each two neighbours in ease, one goes either way."""
    generator = random.Random(f"folds {seed}")
    order = sorted(range(len(ease_Q)), key=lambda q: (ease_Q[q], generator.random()))
    first = {order[i + generator.randrange(2)] for i in range(0, len(order) - 1, 2)}
    return np.array(sorted(first)), np.array([q for q in range(len(ease_Q)) if q not in first])


def quantiles(values: Sequence[float], bins: int) -> np.ndarray:
    """Upper edges of all bins but the last, which hold about equally many of the values; fewer where values are alike.

    A value belongs to the first bin whose edge it does not exceed. None of the values' own bins is empty.
    """
    shares = [b / bins for b in range(1, bins)]
    edges = np.unique(np.quantile(values, shares, method="inverted_cdf")) if shares else np.array([])
    return edges[edges < max(values)]


def pick(credit_AQ: np.ndarray, tokens_AQ: np.ndarray, questions: np.ndarray, budget: float) -> int:
    """The answers with the most credit on these questions within the budget, the cheapest of equals.

    Where all take more, the one that takes least.
    """
    tokens_A = tokens_AQ[:, questions].mean(1)
    credit_A = credit_AQ[:, questions].mean(1)
    within = [a for a in range(len(tokens_A)) if tokens_A[a] <= budget * (1 + 1e-9)]
    if not within:
        return int(tokens_A.argmin())
    return max(within, key=lambda a: (round(float(credit_A[a]), 12), -float(tokens_A[a])))


def saving(allocations: Sequence[Allocation], at: Allocation) -> tuple[float, bool]:
    """How many times the tokens of `at.optimal` the best single method takes to earn as much, and whether it ever does.

    Between two budgets the single method's accuracy is taken to grow in proportion to its tokens. Where it never earns as
    much, the factor is that of the most it was given: a lower bound.
    """
    row = sorted(((a.single.tokens, fmean(a.single.credit_Q)) for a in allocations), key=lambda pair: pair[0])
    goal = fmean(at.optimal.credit_Q)
    before: tuple[float, float] | None = None
    for tokens, earned in row:
        if earned >= goal - 1e-12:
            if before and earned > before[1]:
                tokens = before[0] + (tokens - before[0]) * max(0.0, (goal - before[1]) / (earned - before[1]))
            return tokens / at.optimal.tokens, True
        before = (tokens, earned)
    return row[-1][0] / at.optimal.tokens, False
