"""Scores for whole replies: by an outcome model, a process model, a judge, or the policy's own likelihood.

    rate = outcome(Scorer.load(folder))
    scored = rate(meter, problems, candidates)

Only candidates with an answer are scored, since no other can be chosen, and none of these ever sees which answer is right.
Scores are in [0, 1], so that they can be added up. What was read is noted on the meter, problem by problem.

Self-certainty (arXiv 2502.18581) is not here: it needs the whole distribution of every token, and an engine gives the
log-probability of the drawn token alone. What that allows is `likelihood`, which that paper finds to be a weaker sign.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean
from typing import Any

from aha.chat import parse_reply
from aha.models.steps import Aggregate, last
from aha.rewards.judge import Judge, compare
from aha.rewards.judge_prompts import question_of
from aha.rewards.learned import Scorer
from aha.search.draft import opened
from aha.search.ledger import Metered, counters, shares, weights_of
from aha.search.sample import Rate
from aha.search.select import length, mean_logprob
from aha.search.types import Candidate, StepScorer
from aha.types import Completion, Problem

Found = Sequence[Sequence[Candidate]]


def likelihood(meter: Metered, problems: Sequence[Problem], found: Found) -> list[list[Candidate]]:
    """The geometric mean of a reply's token probabilities, as the policy drew them. Costs nothing.

    No score where an engine hides its log-probabilities.
    """
    return [
        [replace(c, score=math.exp(mean_logprob(c.reply))) if _votes(c) and c.reply.logprobs else c for c in row]
        for row in found
    ]


def outcome(scorer: Scorer) -> Rate:
    """The logistic of an outcome model's score of the prompt and the whole reply."""

    def rate(meter: Metered, problems: Sequence[Problem], found: Found) -> list[list[Candidate]]:
        owners, asked = _asked(found)
        pairs = [(_prompt(problems[i]), c.reply.text) for i, c in zip(owners, asked, strict=True)]
        began, once = time.perf_counter(), dict.fromkeys(pairs)
        score = dict(zip(once, scorer(list(once)) if once else [], strict=True))
        seconds, sizes = time.perf_counter() - began, dict[tuple[str, str], int]()
        for pair, c in zip(pairs, asked, strict=True):
            sizes.setdefault(pair, _read(scorer, pair, c.reply))
        tokens = [sizes.pop(pair, 0) for pair in pairs]  # equal pairs are read once
        meter.note_scoring(owners, tokens, seconds, weights_of(scorer))
        return _scored(found, [(_logistic(score[pair]), ()) for pair in pairs])

    return rate


def process(scorer: StepScorer, aggregate: Aggregate = last) -> Rate:
    """A process model's scores of a reply's steps, made one by `aggregate` (`aha.models.steps`)."""

    def rate(meter: Metered, problems: Sequence[Problem], found: Found) -> list[list[Candidate]]:
        owners, asked = _asked(found)
        prompts = [_prompt(problems[i]) for i in owners]
        steps = meter.score(scorer, prompts, [c.reply.text for c in asked], owners)
        return _scored(found, [(aggregate(s) if s else None, tuple(s)) for s in steps])

    return rate


def judged(judge: Judge) -> Rate:
    """How an answer does against each of the problem's other answers, on average, by a judge (`judge.compare`).

    The judge sees final answers, never the thinking, and no reference; the first reply that gives an answer speaks for
    it. An answer without a rival scores 1/2. A comparison that failed is left out, and an answer without any other has
    no score. It takes d (d - 1) / 2 comparisons of four verdicts for d different answers.
    """

    def rate(meter: Metered, problems: Sequence[Problem], found: Found) -> list[list[Candidate]]:
        matches = [(i, a, b) for i, row in enumerate(found) for a, b in combinations(_speakers(row), 2)]
        asked = [(question_of(problems[i]), _answer(a), _answer(b)) for i, a, b in matches]
        before, began = counters(judge.engine), time.perf_counter()
        margins = [preference.margin for preference in compare(judge, asked)]
        spent = sum(counters(judge.engine).get(k, 0) - before.get(k, 0) for k in ("prompt_tokens", "tokens"))
        tokens = shares(spent, [sum(map(len, texts)) for texts in asked])
        seconds = time.perf_counter() - began
        meter.note_scoring([i for i, _, _ in matches], tokens, seconds, weights_of(judge.engine))
        results: dict[tuple[int, Any], list[float]] = {}
        for (i, a, b), margin in zip(matches, margins, strict=True):
            for c, sign in ((a, 1), (b, -1)):
                results.setdefault((i, c.answer), []).extend([] if margin is None else [(2 + sign * margin) / 4])
        values = [results.get((i, c.answer), [0.5]) for i, row in enumerate(found) for c in row if _votes(c)]
        return _scored(found, [(fmean(v) if v else None, ()) for v in values])

    return rate


def _logistic(score: float | None) -> float | None:
    """In (0, 1); None stays None. Raises ValueError for a score that is not finite: the model is broken."""
    if score is not None and not math.isfinite(score):
        raise ValueError(f"the scorer gave {score}, which is no score")
    return None if score is None else (1 + math.tanh(score / 2)) / 2


def _prompt(problem: Problem) -> str:
    """The prompt without the thought that it opens, which is part of the reply."""
    return problem.prompt.removesuffix(opened(problem)[1])


def _votes(c: Candidate) -> bool:
    return c.answer is not None


def _asked(found: Found) -> tuple[list[int], list[Candidate]]:
    both = [(i, c) for i, row in enumerate(found) for c in row if _votes(c)]
    return [i for i, _ in both], [c for _, c in both]


def _scored(found: Found, values: Sequence[tuple[float | None, tuple[float, ...]]]) -> list[list[Candidate]]:
    """The candidates with their scores, which come in the order of those that have an answer."""
    each = iter(values)

    def given(c: Candidate) -> Candidate:
        if not _votes(c):
            return c
        score, steps = next(each)
        return replace(c, score=score, step_scores=steps)

    return [[given(c) for c in row] for row in found]


def _read(scorer: Any, pair: tuple[str, str], reply: Completion) -> int:
    """How many tokens a scorer reads of a pair: by its own tokenizer where it has one, else by the policy's."""
    ids = getattr(scorer, "ids", None)
    return len(ids(*pair)) if callable(ids) else len(reply.prompt_ids) + length(reply)


def _answer(c: Candidate) -> str:
    reply = parse_reply(c.reply.text)
    return reply.answer if reply else str(c.answer)


def _speakers(row: Sequence[Candidate]) -> list[Candidate]:
    """The first candidate of each different answer."""
    first: dict[Any, Candidate] = {}
    for c in row:
        if _votes(c):
            first.setdefault(c.answer, c)
    return list(first.values())
