"""What a run of `aha scale` found, as a record: every point, who wins at which budget, and what difficulty decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from aha.evaluation.answers import BILL, Answers, whole
from aha.evaluation.equal_tokens import Round, budgets, compare, front
from aha.evaluation.optimal import Allocation, allocate, saving
from aha.stats import Interval

FORMAT = "aha-scale/1"
Record = dict[str, Any]


def summed_up(every: Sequence[Answers], facts: Record, head: Record) -> Record:
    """The record. `head` says what was run: model, scorers, task, settings; `facts` is `Bench.facts`.

    Raises RunError where graders failed on every question.
    """
    rows, questions = whole(every)
    told = [point(one) for one in rows]
    for axis in ("total", "flops"):
        on_front = front([(p[axis], p["accuracy"]) for p in told])
        for i, p in enumerate(told):
            p[f"front_{axis}"] = i in on_front
    spend = budgets(rows)
    single = next(one for one in rows if one.method == "sample")
    eases = {"pass@1": single.right_Q} | {name: [row[q] for q in questions] for name, row in facts["ease"].items()}
    found = {
        "format": FORMAT, **head, "questions": len(questions), "failed": len(every[0].credit_Q) - len(questions),
        "replies": facts["replies"], "stopped": facts["stopped"], "points": told,
        "rounds": [_round(one) for one in compare(rows, spend)],
    }  # fmt: skip
    if len(questions) > 1:
        found["optimal"] = {name: _allocations(rows, ease_Q, spend, head["seed"]) for name, ease_Q in eases.items()}
    return found


def point(one: Answers) -> Record:
    """One method at one size: its accuracy with its interval, and what a question took on average."""
    share = one.accuracy
    told = {"method": one.method, "size": one.size, "strategy": one.strategy, "accuracy": share.mean}
    told |= {"low": share.low, "high": share.high, "no_answer": fmean(one.blank_Q), "cut_off": fmean(one.cut_Q)}
    return told | {"total": one.tokens} | {name: one.mean(name) for name in BILL}


def ends(interval: Interval | None) -> Record | None:
    """An interval as JSON."""
    return None if interval is None else asdict(interval)


def _round(one: Round) -> Record:
    """Every method at one budget; the first is the best."""
    return {
        "tokens": one.tokens, "rival": one.rival, "lead": ends(one.lead),
        "methods": [
            {"method": spent.method, "sizes": list(spent.sizes), "tokens": spent.tokens, **asdict(spent.accuracy),
             "over_vote": ends(one.over_vote.get(spent.method))}
            for spent in one.spent
        ],
    }  # fmt: skip


def _allocations(rows: Sequence[Answers], ease_Q: Sequence[float], spend: Sequence[float], seed: int) -> list[Record]:
    found = [allocate(rows, ease_Q, budget, seed=seed) for budget in spend]
    return [_allocation(one, found) for one in found]


def _allocation(one: Allocation, every: Sequence[Allocation]) -> Record:
    factor, reached = saving(every, one)
    told = {
        name: {**asdict(outcome.accuracy), "tokens": outcome.tokens}
        for name, outcome in (("optimal", one.optimal), ("single", one.single), ("oracle", one.oracle))
    }
    return told | {
        "budget": one.budget, "lead": ends(one.lead), "chosen": one.chosen, "alone": one.alone,
        "times_fewer": factor, "reached": reached,
    }  # fmt: skip
