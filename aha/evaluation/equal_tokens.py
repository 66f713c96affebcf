"""Which method wins at which budget: methods of several sizes compared at equal tokens, question by question.

A method that takes 800 tokens a question at one size and 1,600 at the next takes 1,000 on average if it takes the larger
size for a quarter of the questions. That mixture is a real way to spend 1,000 tokens, its credit on every question is
known, and so any two methods can be paired at any budget (`at`). Tokens are those of the policy and the scorers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aha.evaluation.answers import Answers
from aha.stats import Interval, paired_difference, question_interval

POOLED = ("vote", "short", "length", "best", "weighted")
"""First words of the methods that choose among samples: with one sample all are the same."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A method at a budget: a mixture of two of its sizes, or one of them."""

    method: str
    sizes: tuple[int, ...]
    tokens: float
    """What it takes: the budget, or less where its largest size takes less."""
    credit_Q: list[float]

    @property
    def accuracy(self) -> Interval:
        """The mean credit, with its interval over questions."""
        return question_interval([[credit] for credit in self.credit_Q])


def is_pooled(method: str) -> bool:
    """Whether a method chooses among samples."""
    return method.split()[0] in POOLED


def curves(every: Sequence[Answers]) -> dict[str, list[Answers]]:
    """The sizes of each method in the order of their tokens. Choices among samples begin with a single sample."""
    single = [one for one in every if one.method == "sample"]
    found: dict[str, list[Answers]] = {}
    for one in every:
        start = single if is_pooled(one.method) else []
        found.setdefault(one.method, [*start]).append(one)
    return {method: sorted(row, key=lambda one: one.tokens) for method, row in found.items()}


def at(method: str, curve: Sequence[Answers], tokens: float) -> Spent | None:
    """A method's curve at a budget in tokens a question; None where its smallest size takes more."""
    below = [one for one in curve if one.tokens <= tokens * (1 + 1e-9)]
    if not below:
        return None
    low, above = below[-1], curve[len(below) :]
    weight = (tokens - low.tokens) / (above[0].tokens - low.tokens) if above else 0.0
    if weight < 1e-9:
        return Spent(method, (low.size,), low.tokens, low.right_Q)
    mixed = [(1 - weight) * a + weight * b for a, b in zip(low.right_Q, above[0].right_Q, strict=True)]
    return Spent(method, (low.size, above[0].size), tokens, mixed)


@dataclass(frozen=True, slots=True)
class Round:
    """All methods at one budget, the best first, and how much the best is ahead."""

    tokens: float
    spent: tuple[Spent, ...]
    rival: str
    """Who the best is compared with: the plain vote, or, where that is the best itself, the second."""
    lead: Interval | None
    """Of the best over the rival, paired by question; None with nobody to compare with."""
    over_vote: dict[str, Interval]
    """Of every method but the vote over it."""


def compare(every: Sequence[Answers], budgets: Sequence[float]) -> list[Round]:
    """Every method at each budget. The best is picked on the questions it is compared on, which flatters it a little."""
    lines = curves(every)
    return [_round(lines, tokens) for tokens in budgets]


def _round(lines: dict[str, list[Answers]], tokens: float) -> Round:
    found = [spent for method, row in lines.items() if (spent := at(method, row, tokens)) and _is_itself(spent, lines)]
    ranked = sorted(found, key=lambda spent: (-_mean(spent), spent.tokens))
    vote = next((spent for spent in ranked if spent.method == "vote"), None)
    over = {spent.method: _over(spent, vote) for spent in ranked if vote and spent is not vote}
    rivals = [spent for spent in (vote, *ranked[1:]) if spent and spent is not ranked[0]]
    lead = _over(ranked[0], rivals[0]) if rivals else None
    return Round(tokens, tuple(ranked), rivals[0].method if rivals else "", lead, over)


def _is_itself(spent: Spent, lines: dict[str, list[Answers]]) -> bool:
    """Whether it is told apart from others: every choice among one sample is a vote of one."""
    single = spent.method == "sample" or (is_pooled(spent.method) and spent.sizes == (1,))
    return spent.method == "vote" or not single or "vote" not in lines


def _mean(spent: Spent) -> float:
    return sum(spent.credit_Q) / len(spent.credit_Q)


def _over(a: Spent, b: Spent) -> Interval:
    return paired_difference([[credit] for credit in a.credit_Q], [[credit] for credit in b.credit_Q])


def budgets(every: Sequence[Answers]) -> list[float]:
    """What the plain vote takes at each of its sizes; without votes, what every method takes."""
    votes = curves(every).get("vote")
    return sorted({one.tokens for one in votes or every})


def front(points: Sequence[tuple[float, float]]) -> set[int]:
    """Indices of the Pareto front of (cost, accuracy): nothing is both at most as dear and more accurate, or cheaper and as accurate."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    kept, best = set[int](), float("-inf")
    for i in order:
        if points[i][1] > best:
            kept.add(i)
            best = points[i][1]
    return kept
