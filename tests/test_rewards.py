"""A rubric keeps its parts, tells a failed grader from a zero, and stops at a broken reward."""

import math
from decimal import Decimal
from functools import partial

import numpy
import pytest

from aha.errors import DataError
from aha.rewards.format import formatted
from aha.rewards.rubric import Rubric, each
from aha.types import Completion, Problem

PROBLEM = Problem("User: Say yes.\nAssistant:")
GOOD = "<think>fine</think><answer>yes</answer>"


def say(*texts, finish="stop"):
    return [Completion(text, finish=finish) for text in texts]


def giving(*grades, name="given"):
    def reward(problem, group):
        return list(grades)

    reward.__name__ = name
    return reward


@each
def says_yes(problem, completion):
    return 1.0 if "yes" in completion.text else (0.0, "said no")


@each
def is_short(problem, completion):
    return len(completion.text) < 4


def test_parts_are_kept_unweighted_beside_the_weighted_sum():
    yes, no = Rubric((1.0, says_yes), (0.1, is_short))(PROBLEM, say("yes", "never"))
    assert (yes.total, yes.parts, yes.reason) == (1.1, {"says_yes": 1.0, "is_short": 1.0}, "")
    assert (no.total, no.parts, no.reason) == (0.0, {"says_yes": 0.0, "is_short": 0.0}, "said no")


def test_a_failed_grader_leaves_no_total():
    [score, other] = Rubric((1.0, giving(None, 1)), (1.0, says_yes))(PROBLEM, say("yes", "yes"))
    assert score.total is None and score.parts == {"given": None, "says_yes": 1.0}
    assert other.total == 2.0


def test_the_reason_is_the_first_of_an_unearned_part():
    rewards = (
        giving((1.0, "earned"), name="a"),
        giving((0.5, ""), name="b"),
        giving((None, "judge is down"), name="c"),
    )
    [score] = Rubric(*((1.0, reward) for reward in rewards))(PROBLEM, say("x"))
    assert score.reason == "judge is down" and score.total is None


def test_a_reward_of_weight_zero_is_only_watched():
    [score] = Rubric((1.0, says_yes), (0.0, giving((None, "judge is down"))))(PROBLEM, say("yes"))
    assert (score.total, score.parts["given"], score.reason) == (1.0, None, "")


def test_an_exception_in_a_reward_stops_the_run():
    @each
    def broken(problem, completion):
        return completion.txt

    with pytest.raises(AttributeError, match="txt"):
        Rubric((1.0, broken))(PROBLEM, say("x"))


@pytest.mark.parametrize("grades", [(), (1.0,), (1.0, 1.0, 1.0)])
def test_the_wrong_number_of_values_is_refused(grades):
    with pytest.raises(DataError, match="'given' returned . values for 2 replies"):
        Rubric((1.0, giving(*grades)))(PROBLEM, say("a", "b"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(DataError, match="'given' gave (nan|inf|-inf)"):
        Rubric((1.0, giving(value)))(PROBLEM, say("a"))


@pytest.mark.parametrize("value", ["1", [1.0], Decimal(1), (1.0, 2.0), (1.0, "a", "b"), 1j])
def test_a_value_that_is_not_a_number_is_refused(value):
    with pytest.raises(DataError, match="'given' gave"):
        Rubric((1.0, giving(value)))(PROBLEM, say("a"))


def test_a_grader_of_one_reply_needs_each():
    def forgot(problem, completion):
        return 1.0

    with pytest.raises(DataError, match="'forgot'.*@each"):
        Rubric((1.0, forgot))(PROBLEM, say("a"))


@pytest.mark.parametrize("value", [True, 1, numpy.float32(1)])
def test_booleans_and_other_numbers_count(value):
    [score] = Rubric((2.0, giving(value)))(PROBLEM, say("a"))
    assert score.total == 2.0 and type(score.parts["given"]) is float


def test_an_empty_group_has_no_scores():
    assert Rubric((1.0, says_yes))(PROBLEM, []) == []


def test_rubrics_that_cannot_work_are_refused():
    with pytest.raises(ValueError, match="share a name"):
        Rubric((1.0, says_yes), (0.5, partial(says_yes)))
    with pytest.raises(ValueError, match="at least one"):
        Rubric()
    with pytest.raises(ValueError, match="weight of reward 'says_yes'"):
        Rubric((math.nan, says_yes))


def test_a_rubric_prints_as_it_is_written():
    assert repr(Rubric((1.0, says_yes), (0.1, is_short))) == "Rubric((1, says_yes), (0.1, is_short))"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, ""),
        (" <think></think>\n<answer>1</answer>\n", ""),
        ("", "no answer"),
        ("yes", "no answer"),
        ("<think>fine</think><answer>  </answer>", "no answer"),
        ("<think>fine</think>", "no answer"),
        ("<answer>yes</answer>", "bad format"),
        ("<think>fine<answer>yes</answer></think>", "bad format"),
        ("<think>fine</think><answer>yes", "bad format"),
        (GOOD + "<answer>no</answer>", "bad format"),
        (GOOD + " so there", "bad format"),
        ("<think>" + GOOD, "bad format"),
    ],
)
def test_only_the_template_is_formatted(text, reason):
    [score] = Rubric((1.0, formatted))(PROBLEM, say(text))
    assert (score.parts["formatted"], score.reason) == (0.0 if reason else 1.0, reason)


def test_a_reply_that_ran_out_of_tokens_is_not_formatted():
    [score] = Rubric((1.0, formatted))(PROBLEM, say(GOOD, finish="length"))
    assert (score.total, score.reason) == (0.0, "cut off")
