"""Choose among whole replies: by votes, by length, by scores. Pure functions of the candidates.

    decision = majority(candidates)
    decision.answer, decision.chosen, decision.votes

The rules, for all of them:

* A reply without an answer (cut off, none given, off the template) has no vote and cannot be chosen.
* Answers with equal weight are ranked by the mean log-probability of their replies' tokens, then by the shortest reply,
  then by which came first. Averages over many votes share ties instead (`aha.stats.cons_at_k`).
* The reply shown for an answer is its highest scored one; then the same ranking decides.
* A candidate whose scorer failed (score None) is left out of what goes by scores. It is no zero.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from aha.search.types import Candidate, Cost, Solved
from aha.tasks.base import Task
from aha.types import Completion, Problem


@dataclass(frozen=True, slots=True)
class Decision:
    """What was chosen; None and no votes where there was nothing to choose from."""

    answer: Hashable | None
    chosen: Candidate | None
    votes: dict[Any, float]
    """Weight of every answer, the heaviest first."""


Choose = Callable[[Sequence[Candidate]], Decision]


def candidate(task: Task, problem: Problem, reply: Completion) -> Candidate:
    """A reply with the answer it votes for. One that was cut off has none, whatever it says."""
    return Candidate(reply, None if reply.finish == "length" else task.answer_of(problem, reply))


def solved(problem: Problem, candidates: Sequence[Candidate], decision: Decision, cost: Cost) -> Solved:
    """The record of a problem's answer."""
    return Solved(problem, decision.answer, decision.chosen, tuple(candidates), cost, decision.votes)


def length(reply: Completion) -> int:
    """Tokens of a reply; characters where the engine hides its tokens."""
    return len(reply.token_ids) or len(reply.text)


def mean_logprob(reply: Completion) -> float:
    """Mean log-probability of a reply's tokens, in nats; minus infinity where the engine hides it."""
    return fmean(reply.logprobs) if reply.logprobs else -math.inf


def majority(candidates: Sequence[Candidate]) -> Decision:
    """The answer that most replies give: self-consistency (arXiv 2203.11171)."""
    return _elected(candidates, [1.0] * len(candidates))


def shortest(candidates: Sequence[Candidate], m: int) -> Decision:
    """The majority among the first m replies to end, which are the m shortest: short-m@k (arXiv 2505.17813).

    Replies that were cut off never ended. Ties go to the shortest reply, as there. `stopped_cost` tells what
    it takes where the others are stopped at that moment.
    """
    ended = sorted((c for c in candidates if c.reply.finish == "stop"), key=lambda c: length(c.reply))[:m]
    return _elected(ended, [1.0] * len(ended), _shorter)


def length_weighted(candidates: Sequence[Candidate]) -> Decision:
    """Votes for an answer divided by the logarithm of its replies' mean length: shortest majority vote (2502.12215)."""
    lengths: dict[Hashable | None, list[int]] = defaultdict(list)
    for c in candidates:
        lengths[c.answer].append(length(c.reply))
    return _elected(candidates, [1 / math.log(max(2.0, fmean(lengths[c.answer]))) for c in candidates])


def best(candidates: Sequence[Candidate]) -> Decision:
    """The highest scored reply: best-of-n (arXiv 2110.14168). An answer weighs as much as its best reply."""
    scored = [c for c in candidates if c.score is not None]
    return _elected(scored, [c.score or 0.0 for c in scored], sums=False)


def weighted(candidates: Sequence[Candidate]) -> Decision:
    """The answer with the largest sum of scores: weighted best-of-n (arXiv 2206.02336). Scores are 0 or more."""
    scored = [c for c in candidates if c.score is not None]
    return _elected(scored, [c.score or 0.0 for c in scored])


def _likelier(candidates: Sequence[Candidate]) -> tuple[float, float]:
    return fmean(mean_logprob(c.reply) for c in candidates), -min(length(c.reply) for c in candidates)


def _shorter(candidates: Sequence[Candidate]) -> tuple[float, float]:
    return _likelier(candidates)[::-1]


def _elected(
    candidates: Sequence[Candidate],
    weights: Sequence[float],
    rank: Callable[[Sequence[Candidate]], tuple[float, float]] = _likelier,
    sums: bool = True,
) -> Decision:
    """The answer of the largest weight, summed over its candidates, or of its heaviest."""
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    shares: dict[Hashable, list[float]] = defaultdict(list)
    for c, weight in zip(candidates, weights, strict=True):
        if c.answer is not None:
            groups[c.answer].append(c)
            shares[c.answer].append(weight)
    if not groups:
        return Decision(None, None, {})
    votes = {answer: math.fsum(parts) if sums else max(parts) for answer, parts in shares.items()}
    order = sorted(groups, key=lambda answer: (votes[answer], *rank(groups[answer])), reverse=True)
    chosen = max(groups[order[0]], key=lambda c: (-math.inf if c.score is None else c.score, *rank([c])))
    return Decision(order[0], chosen, {answer: votes[answer] for answer in order})


def stopped_cost(candidates: Sequence[Candidate], cost: Cost, m: int) -> Cost:
    """What `cost`, of a run of whole replies, would be if all had stopped when the m-th ended (arXiv 2505.17813).

    For engines that can stop a row, which ours cannot: an estimate beside the ledger, never in it. Operations and seconds
    shrink with the tokens. Where fewer than m ended, nothing is saved.
    """
    ended = sorted(length(c.reply) for c in candidates if c.reply.finish == "stop")
    if len(ended) < m:
        return cost
    last = ended[m - 1]
    tokens = sum(min(length(c.reply), last) for c in candidates)
    kept = (cost.prompt_tokens + tokens) / max(1, cost.prompt_tokens + cost.tokens)
    return Cost(cost.prompt_tokens, tokens, cost.scorer_tokens, last, cost.flops * kept, cost.seconds * kept)


def mean_credit(
    candidates: Sequence[Candidate], correct: Sequence[float], k: int, choose: Choose, subsets: int = 200, seed: int = 0
) -> float:
    """How right `choose` is on k of a run's n candidates, on average over subsets: any k <= n from one run.

    `correct` is each candidate's grade. All subsets are taken where there are at most `subsets`, otherwise
    that many at random, the same on every call. No answer earns 0. For a plain vote use `aha.stats.cons_at_k`, which
    shares ties. Raises ValueError for a k that is not within 1 to n.
    """
    n = len(candidates)
    if not 1 <= k <= n:
        raise ValueError(f"a choice among {k} needs {k} candidates, not {n}")
    generator, indices = random.Random(seed), range(n)
    few = math.comb(n, k) <= subsets
    draws = combinations(indices, k) if few else (sorted(generator.sample(indices, k)) for _ in range(subsets))
    grade = {id(c): float(g) for c, g in zip(candidates, correct, strict=True)}
    chosen = (choose([candidates[i] for i in draw]).chosen for draw in draws)
    return fmean(0.0 if c is None else grade[id(c)] for c in chosen)
