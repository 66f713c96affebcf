"""Learned rewards: what the scorer may see, and that no reply earns more by hiding."""

from __future__ import annotations

import math

import pytest

from aha.rewards.learned import harmless, helpful
from aha.rewards.rubric import Rubric
from aha.types import Completion, Problem

PROBLEM = Problem("User: Say yes.\nAssistant:")
REPLY = Completion("<think>secret plan</think><answer> yes </answer>")


class Counting:
    """Scores a text by how many letters it has beyond three, and keeps what it was shown."""

    def __init__(self, score=lambda text: float(len(text) - 3)):
        self.score, self.seen = score, []

    def __call__(self, pairs):
        self.seen += pairs
        return [self.score(text) for _, text in pairs]


def test_helpfulness_sees_the_final_summary_only():
    scorer = Counting()
    assert helpful(scorer)(PROBLEM, [REPLY]) == [0.5]
    assert scorer.seen == [(PROBLEM.prompt, "yes")]


def test_harmlessness_sees_the_whole_reply():
    scorer = Counting(lambda text: -1.0 if "plan" in text else 1.0)
    assert harmless(scorer)(PROBLEM, [REPLY]) == pytest.approx([1 / (1 + math.e)])
    assert scorer.seen == [(PROBLEM.prompt, REPLY.text)]


def test_a_reply_without_a_summary_earns_less_than_the_worst_summary():
    worst = Counting(lambda text: -9.0)
    group = [REPLY, Completion("no tags"), Completion(REPLY.text, finish="length"), REPLY]
    grades = helpful(worst)(PROBLEM, group)
    assert grades[0] == grades[3] > 0
    assert grades[1:3] == [(0.0, "no answer"), (0.0, "cut off")] and len(worst.seen) == 2


def test_what_was_cut_off_can_still_do_harm():
    scorer = Counting()
    harmless(scorer)(PROBLEM, [Completion("<think>plan", finish="length")])
    assert scorer.seen == [(PROBLEM.prompt, "<think>plan")]


def test_a_scorer_that_failed_leaves_no_total():
    [score] = Rubric((1.0, helpful(Counting(lambda text: None))))(PROBLEM, [REPLY])
    assert score.total is None and score.reason == "scorer failed"


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_broken_scorer_stops_the_run(score):
    with pytest.raises(ValueError, match="not finite"):
        harmless(Counting(lambda text: score))(PROBLEM, [REPLY])
    with pytest.raises(ValueError, match="0 scores for 1 texts"):
        harmless(lambda pairs: [])(PROBLEM, [REPLY])


@pytest.mark.parametrize(("score", "value"), [(0.0, 0.5), (1.0, 0.7310586), (-1.0, 0.2689414), (1e6, 1.0), (-1e6, 0.0)])
def test_scores_become_probabilities(score, value):
    assert harmless(Counting(lambda text: score))(PROBLEM, [REPLY]) == pytest.approx([value])


def test_no_replies_ask_for_no_scores():
    scorer = Counting()
    assert helpful(scorer)(PROBLEM, []) == [] == harmless(scorer)(PROBLEM, []) and scorer.seen == []
    assert Rubric((1.0, helpful(scorer)), (1.0, harmless(scorer))).names == ("helpful", "harmless")
