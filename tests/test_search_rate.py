"""Scores for whole replies: each kind of scorer, and what it is noted to have read."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
import torch

from aha.models.scorer import Scorer, ScoringModel
from aha.models.steps import least
from aha.rewards.judge import Judge
from aha.rollout.engine import Ledger
from aha.search.ledger import Metered
from aha.search.rate import judged, likelihood, outcome, process
from aha.search.sample import BestOf
from aha.search.select import weighted
from aha.types import Completion
from tests.search_toys import Scripted, candidates, toy_task
from tests.toys import toy_chat, toy_model


def meter() -> Metered:
    return Metered(Scripted(lambda *_: "<|end|>"), 2)


def values(found) -> list:
    return [[c.score for c in row] for row in found]


def test_an_outcome_model_scores_every_reply_with_an_answer_and_is_paid_once_for_equal_ones():
    asked = []

    def scorer(pairs):
        asked.extend(pairs)
        return [{"a": 0.0, "b": math.log(3), "c": None}[text] for _, text in pairs]

    noted, (_, problems) = meter(), toy_task()
    found = [candidates(("a", 5), (None, 4), ("b", 7), ("a", 5)), candidates(("c", 3))]
    assert values(outcome(scorer)(noted, problems, found)) == [[0.5, None, pytest.approx(0.75), 0.5], [None]]
    assert asked == [(problems[0].prompt, "a"), (problems[0].prompt, "b"), (problems[1].prompt, "c")]
    assert [c.scorer_tokens for c in noted.costs] == [5 + 7, 3]


def test_a_trained_scorer_tells_how_many_tokens_it_reads_and_how_many_weights_it_has():
    scorer = Scorer(ScoringModel(toy_model()), toy_chat())
    noted, (_, problems) = meter(), toy_task()
    outcome(scorer)(noted, problems, [candidates(("a", 5)), []])
    read = len(scorer.ids(problems[0].prompt, "a"))
    weights = sum(w.numel() for w in scorer.model.parameters())
    assert noted.costs[0].scorer_tokens == read > 0 and noted.costs[0].flops == 2 * weights * read
    assert noted.costs[0].seconds > 0


def test_a_scorer_that_gives_no_number_stops_the_run():
    _, problems = toy_task()
    with pytest.raises(ValueError, match="nan"):
        outcome(lambda pairs: [float("nan")])(meter(), problems, [candidates(("a", 5)), []])


def test_a_process_model_is_made_one_score_of():
    def scorer(prompts, replies):
        return [[0.9, 0.2, 0.6] if text == "a" else [] for text in replies], [4] * len(replies)

    noted, (_, problems) = meter(), toy_task()
    found = [candidates(("a", 5), ("b", 5)), candidates((None, 3))]
    assert values(process(scorer)(noted, problems, found)) == [[0.6, None], [None]]
    [[first, _], _] = process(scorer, least)(noted, problems, found)
    assert first.score == 0.2 and first.step_scores == (0.9, 0.2, 0.6) and noted.costs[0].scorer_tokens == 16


def test_a_scorer_does_not_read_the_opening_of_a_thought_twice():
    asked, (_, [problem, _]) = [], toy_task()
    opened = replace(problem, prompt=problem.prompt + "<think>\n")
    outcome(lambda pairs: [asked.append(pair) or 0.0 for pair in pairs])(meter(), [opened], [candidates(("a", 5))])
    assert asked == [(problem.prompt, "a")]


def test_likelihood_is_the_geometric_mean_of_token_probabilities():
    _, problems = toy_task()
    hidden = candidates(("a", 0))
    found = likelihood(meter(), problems, [candidates(("a", 5, -0.5), (None, 5, -0.1)), hidden])
    assert values(found) == [[pytest.approx(math.exp(-0.5)), None], [None]]


class Verdicts:
    """A judge's model that prefers the larger number, or always strays."""

    def __init__(self, strays=False):
        self.strays, self.ledger, self.model = strays, Ledger(), torch.nn.Linear(3, 1, bias=False)

    def generate(self, prompts, sampling, done=None):
        self.ledger.prompt_tokens += 10 * len(prompts)
        self.ledger.tokens += len(prompts)
        return [[Completion("?" if self.strays else self.verdict(prompt))] for prompt in prompts]

    def verdict(self, prompt):
        first, second = (int(n) for n in re.findall(r"\b(10|20|30)\b", prompt)[:2])
        return '{"analysis": "", "verdict": "%s"}' % ("A>B" if first > second else "B>A")


def replied(*answers):
    return [
        type(c)(Completion(f"<think>x</think><answer>{c.answer}</answer>"), c.answer)
        for c in candidates(*((answer, 1) for answer in answers))
    ]


def test_a_judge_compares_the_different_answers_of_a_problem():
    engine = Verdicts()
    noted, (_, problems) = meter(), toy_task("which", "what")
    found = judged(Judge(engine))(noted, problems, [replied("20", "10", "20", "30"), replied("10")])
    # a win is 3/4, a loss 1/4: 30 wins twice, 20 once, 10 never; alone is a half
    assert values(found) == [[0.5, 0.25, 0.5, 0.75], [0.5]]
    assert noted.costs[0].scorer_tokens == engine.ledger.prompt_tokens + engine.ledger.tokens == 3 * 4 * 11
    assert noted.costs[1].scorer_tokens == 0 and noted.costs[0].flops == 2 * 3 * 132


def test_a_judge_that_fails_gives_no_score_and_no_zero():
    _, problems = toy_task("which", "what")
    found = judged(Judge(Verdicts(strays=True)))(meter(), problems, [replied("20", "10"), []])
    assert values(found) == [[None, None], []]


def test_a_weighted_vote_can_overrule_the_majority():
    def script(prompt, sample, seed):
        return f"<think>a</think><answer>{'bba'[sample]}</answer><|end|>"

    def scorer(pairs):
        return [3.0 if "<answer>a" in text else -3.0 for _, text in pairs]

    engine, (task, problems) = Scripted(script), toy_task()
    events = []
    for solved in BestOf(3, outcome(scorer), choose=weighted)(engine, task, problems, 0, events.append):
        assert solved.answer == "a" and solved.votes["b"] == pytest.approx(2 / (1 + math.exp(3)))
        assert solved.cost.scorer_tokens > 0
    assert sum(event["kind"] == "score" for event in events) == 6
