"""Length rewards, against values worked out by hand."""

from __future__ import annotations

import pytest

from aha.rewards.length import cosine, cosine_between, repetition
from aha.rewards.rubric import Rubric, each
from aha.types import Completion, Problem

PROBLEM = Problem("User: Say yes.\nAssistant:")


@each
def correct(problem, completion):
    return {"yes": 1.0, "no": (0.0, "said no"), "nearly": 0.1, "lost": (None, "judge is down")}[completion.text]


def of_length(text, length, finish="stop"):
    return Completion(text, token_ids=list(range(length)), finish=finish)


@pytest.mark.parametrize(
    ("length", "value"),
    [(0, 1.0), (50, 0.5 + 0.25 * (1 + 0.7071067812)), (100, 0.75), (150, 0.5 + 0.25 * (1 - 0.7071067812)), (200, 0.5)],
)
def test_the_wave_by_hand(length, value):
    """cos(pi / 4) is 0.7071 and cos(pi / 2) is 0."""
    assert cosine_between(length, 200, 1.0, 0.5) == pytest.approx(value)


def test_a_right_reply_is_worth_more_when_short_and_a_wrong_one_when_long():
    group = [of_length(text, length) for text in ("yes", "no") for length in (50, 100, 150, 200)]
    values = [score.total for score in Rubric((1.0, cosine(correct, 200)))(PROBLEM, group)]
    assert values == pytest.approx([0.9267767, 0.75, 0.5732233, 0.5, -0.9267767, -0.75, -0.5732233, -0.5])


def test_a_reply_that_ran_out_of_tokens_earns_the_least_even_when_right():
    group = [of_length("yes", 200, "length"), of_length("no", 200, "length")]
    scores = Rubric((1.0, cosine(correct, 200, cut_off=-2.0)))(PROBLEM, group)
    assert [(score.total, score.reason) for score in scores] == [(-2.0, "cut off"), (-2.0, "said no")]


def test_only_full_marks_are_right_and_a_failed_grader_stays_one():
    [nearly, lost] = Rubric((1.0, cosine(correct, 200)))(PROBLEM, [of_length("nearly", 100), of_length("lost", 100)])
    assert nearly.total == pytest.approx(-0.75)
    assert lost.total is None and lost.reason == "judge is down"


def test_a_reply_longer_than_the_longest_counts_as_the_longest():
    [score] = Rubric((1.0, cosine(correct, 10)))(PROBLEM, [of_length("yes", 11)])
    assert score.total == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ids", "value"),
    [
        ([1, 2, 3, 4], 0.0),
        ([7, 7, 7, 7], -2 / 3),  # pairs: 77 77 77, two of three written before
        ([1, 2, 1, 2, 1], -2 / 4),  # 12 21 12 21
        ([1, 2, 3, 1, 2], -1 / 4),  # 12 23 31 12
        ([1], 0.0),
        ([], 0.0),
    ],
)
def test_repetition_is_the_share_of_runs_written_before(ids, value):
    [score] = Rubric((1.0, repetition(2)))(PROBLEM, [Completion("x" * bool(ids), token_ids=ids)])
    assert score.total == pytest.approx(value)
    assert score.reason == ("repetition" if value else "")


def test_a_loop_costs_nearly_all_and_a_search_nothing():
    loop = Completion("x", token_ids=list(range(25)) * 40)
    search = Completion("x", token_ids=[t for attempt in range(40) for t in (1, 2, 3, 100 + attempt, 4)])
    [looped, searched] = Rubric((1.0, repetition()))(PROBLEM, [loop, search])
    assert looped.total == pytest.approx(-(981 - 25) / 981) and searched.total == 0.0


@pytest.mark.parametrize("reward", [cosine(correct, 100), repetition()])
def test_a_length_that_is_unknown_is_not_taken_for_zero(reward):
    with pytest.raises(ValueError, match="no token ids"):
        reward(PROBLEM, [Completion("yes")])


def test_they_have_names_and_refuse_sizes_that_make_no_sense():
    assert Rubric((1.0, cosine(correct, 9)), (0.5, repetition())).names == ("cosine", "repetition")
    with pytest.raises(ValueError, match="at least one"):
        cosine(correct, 0)
    with pytest.raises(ValueError, match="at least one"):
        repetition(0)
