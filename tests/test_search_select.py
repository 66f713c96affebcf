"""Choosing among whole replies, against cases worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest

from aha.search.select import (
    best,
    candidate,
    length_weighted,
    majority,
    mean_credit,
    shortest,
    stopped_cost,
    weighted,
)
from aha.search.types import Cost
from aha.stats import cons_at_k
from aha.types import Completion
from tests.search_toys import candidates, toy_task


def test_the_answer_most_replies_give_wins():
    decision = majority(candidates(("a", 5), ("b", 5), ("a", 9), ("c", 1)))
    assert decision.answer == "a" and decision.votes == {"a": 2, "b": 1, "c": 1} and decision.chosen.answer == "a"


def test_replies_without_an_answer_have_no_vote_and_cannot_be_chosen():
    assert majority(candidates((None, 5), (None, 5), ("b", 9))).answer == "b"
    for choose in (majority, length_weighted, best, weighted, partial(shortest, m=2)):
        empty = choose(candidates((None, 5, -1.0, 0.9), (None, 5, -1.0, 0.8)))
        assert (empty.answer, empty.chosen, empty.votes) == (None, None, {})
        assert choose([]).answer is None


def test_ties_go_to_the_likelier_answer_then_to_the_shorter_then_to_the_first():
    assert majority(candidates(("a", 5, -2.0), ("b", 9, -1.0))).answer == "b"
    assert majority(candidates(("a", 9, -1.0), ("b", 5, -1.0))).answer == "b"
    assert majority(candidates(("a", 5, -1.0), ("b", 5, -1.0))).answer == "a"
    # the mean of an answer's replies counts, not the best of them
    assert majority(candidates(("a", 5, -0.1), ("b", 5, -1.0), ("a", 5, -3.0), ("b", 5, -1.0))).answer == "b"


def test_the_reply_shown_is_the_likeliest_that_gave_the_answer():
    decision = majority(candidates(("a", 5, -2.0), ("a", 7, -1.0), ("a", 6, -1.0)))
    assert len(decision.chosen.reply.token_ids) == 6


def test_short_m_at_k_lets_the_m_shortest_vote():
    replies = candidates(("a", 30), ("b", 10), ("a", 40), ("c", 20), ("a", 50))
    assert shortest(replies, m=1).answer == "b" and shortest(replies, m=5).answer == "a"
    assert shortest(replies, m=2).votes == {"b": 1, "c": 1} and shortest(replies, m=2).answer == "b"


def test_a_reply_that_was_cut_off_is_not_among_the_first_to_end():
    cut, *rest = candidates(("b", 10), ("a", 20), ("a", 30))
    cut = replace(cut, reply=replace(cut.reply, finish="length"))
    assert shortest([cut, *rest], m=1).answer == "a"


def test_length_weighted_votes_are_counts_over_the_log_of_the_mean_length():
    decision = length_weighted(candidates(("a", 10), ("a", 30), ("b", 8), ("b", 8)))
    assert decision.answer == "b"
    assert decision.votes == pytest.approx({"a": 2 / math.log(20), "b": 2 / math.log(8)})
    assert length_weighted(candidates(("a", 1), ("b", 3), ("b", 3))).answer == "b"  # log 1 is 0, and divides nothing


def test_best_of_n_takes_the_highest_score_and_weighted_the_largest_sum():
    scored = candidates(("a", 5, -1.0, 0.4), ("b", 5, -1.0, 0.6), ("a", 5, -1.0, 0.5))
    assert best(scored).answer == "b" and best(scored).votes == {"b": 0.6, "a": 0.5}
    assert weighted(scored).answer == "a" and weighted(scored).votes == pytest.approx({"a": 0.9, "b": 0.6})
    assert weighted(scored).chosen is scored[2]


def test_a_failed_score_is_left_out_and_is_no_zero():
    scored = candidates(("a", 5, -1.0, None), ("a", 5, -1.0, None), ("b", 5, -1.0, 0.1))
    assert weighted(scored).answer == best(scored).answer == "b" and "a" not in weighted(scored).votes
    negative = candidates(("a", 5, -1.0, None), ("b", 5, -1.0, -3.0))
    assert best(negative).answer == "b"
    assert best(candidates(("a", 5, -1.0, None))).chosen is None


def test_votes_of_one_are_the_case_of_equal_scores():
    told = [("a", 5), ("b", 5), ("a", 9), ("c", 1), ("b", 2), ("a", 3)]
    equal = candidates(*((answer, length, -1.0, 1.0) for answer, length in told))
    assert weighted(equal).votes == majority(candidates(*told)).votes


def test_what_was_cut_off_has_no_answer_whatever_it_says():
    task, [problem, _] = toy_task()
    text = "<think></think><answer>2</answer>"
    assert candidate(task, problem, Completion(text)).answer == "2"
    assert candidate(task, problem, Completion(text, finish="length")).answer is None


def test_stopping_when_the_m_th_ends_saves_what_the_others_would_still_draw():
    replies = candidates(("a", 10), ("b", 30), ("a", 20))
    cost = Cost(prompt_tokens=8, tokens=60, passes=30, flops=680.0, seconds=6.8)
    saved = stopped_cost(replies, cost, m=2)
    assert (saved.tokens, saved.passes, saved.prompt_tokens) == (10 + 20 + 20, 20, 8)
    assert saved.flops == pytest.approx(580.0) and saved.seconds == pytest.approx(5.8)
    assert stopped_cost(replies, cost, m=4) == cost


def test_the_mean_over_subsets_agrees_with_counting_them():
    replies = candidates(("a", 5), ("b", 6), ("b", 7))
    right = [1.0, 0.0, 0.0]
    # pairs: ab and ab tie, which goes to the shorter a; bb is wrong
    assert mean_credit(replies, right, 2, majority) == pytest.approx(2 / 3)
    assert (
        mean_credit(replies, right, 1, majority) == pytest.approx(1 / 3) == cons_at_k([["a", "b", "b"]], [right], 1)[0]
    )
    assert mean_credit(replies, right, 3, majority) == 0.0
    assert cons_at_k([["a", "b", "b"]], [right], 2) == [pytest.approx(1 / 3)]  # there, ties are shared
    with pytest.raises(ValueError, match="4 candidates"):
        mean_credit(replies, right, 4, majority)
