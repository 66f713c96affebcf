"""Exact labels of the steps of Countdown replies, and what can be reached from within an attempt."""

from __future__ import annotations

import pytest

from aha.tasks.countdown import problem_of
from aha.tasks.countdown_steps import exact_labels, reach_shares, reachable, read_attempt, sums_of
from aha.types import Completion, Sampling
from tests.test_process_reward_labels import Ends

PROBLEM = problem_of([44, 19, 35], 98, None, "c/1")
NUMBERS = PROBLEM.answer["numbers"]


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("44 + 19 = 63, 63 + 35 = 98 yes\n", True),
        ("44 + 19 = 63, 63 + 35 = 98 no\n", False),
        ("44 + 19 = 63, 63 - 35 = 28 no\n", True),
        ("44 + 19 = 63, 63 - 35 = 28 对\n", False),
        ("等等, 44 - 19 = 25, 35 - 25 = 10 不对\n", True),
        ("44 + 19 = 64, 64 - 35 = 29 no\n", False),
        ("44 + 20 = 64, 64 - 35 = 29 no\n", False),
        ("44 + 44 = 88, 88 - 35 = 53 no\n", False),
        ("44 + 19 = 63 no\n", True),
        ("63 + 35 = 98 yes\n", False),
        ("44 + 19 = 63 yes\n", False),
        ("44 / 19 no\n", True),
        ("44 / 19 yes\n", False),
        ("44 / 19 = 2, 35 * 2 = 70 no\n", False),
        ("44 / 19, 35 - 2 = 33 no\n", False),
        ("44 - 19 wrong\n", False),
        ("44 + 19 = 63, 63 + 35 = 98\n", True),
        ("19 - 44 = -25, 35 - (-25) = 60 no\n", True),
        ("19 - 44 = -25, -25 + 35 = 10 no\n", True),
        ("44 - 19 = 25, -25 + 35 = 10 no\n", False),
        ("check: 44 + 19 = 63, 63 + 35 = 98 yes\n", True),
        ("wait, maybe 44 + 19 = 63, 63 + 35 = 98 yes\n", True),
    ],
)
def test_a_line_is_right_when_its_sums_its_numbers_and_its_verdict_are(line, right):
    assert read_attempt(line, NUMBERS).is_right(98) is right


@pytest.mark.parametrize(
    "line", ["try\n", "I give up\n", "it is (44 + 19) + 35", "1 2 3\n", "", "44 + 19 + 35 = 98 yes\n"]
)
def test_a_line_that_claims_nothing_anyone_can_check_has_no_label(line):
    assert read_attempt(line, NUMBERS) is None


def test_equal_numbers_are_there_as_often_as_they_are_given():
    assert read_attempt("7 + 7 = 14 no\n", [7, 7, 3]).holds and not read_attempt("7 + 7 = 14 no\n", [7, 3]).holds


def test_every_step_of_a_reply_has_its_label():
    text = "<think>try\n44 + 19 = 64, 64 + 35 = 99 no\n44 + 19 = 63, 63 + 35 = 98 yes\n</think><answer>{}</answer>"
    right, wrong = (exact_labels(PROBLEM, Completion(text.format(a))) for a in ("(44 + 19) + 35", "44 + 35"))
    assert right.labels == (None, 0.0, 1.0, 1.0) and wrong.labels == (None, 0.0, 1.0, 0.0)
    assert "".join(right.steps) == text.format("(44 + 19) + 35") and right.id == "c/1"


def test_the_line_at_which_a_reply_was_cut_off_has_no_label():
    cut = exact_labels(PROBLEM, Completion("<think>44 + 19 = 63 no\n44 + 1", finish="length"))
    whole = exact_labels(PROBLEM, Completion("<think>44 + 19 = 63 no\n44 + 19 = 63 no"))
    assert cut.labels == (1.0, None) and whole.labels == (1.0, 1.0)


@pytest.mark.parametrize(
    ("begun", "can"),
    [
        ("", True), ("44 + 19 = 63", True), ("44 + 35 = 79", True), ("44 - 19 = 25", False), ("44 * 19 = 836", False),
        ("44 + 19 = 64", False), ("44 + 19 = 63, 63 + 35 = 98", True), ("44 + 19 = 63, 63 - 35 = 28", False),
    ],
)  # fmt: skip
def test_what_can_still_be_reached_within_an_attempt(begun, can):
    assert reachable(PROBLEM, begun) is can


def test_the_places_within_an_attempt_are_after_its_sums():
    assert sums_of("wait, 44 + 19 = 63, 63 + 35 = 98 yes\n") == [
        "wait, 44 + 19 = 63",
        "wait, 44 + 19 = 63, 63 + 35 = 98",
    ]


def test_reaching_is_measured_to_the_end_of_the_attempt_and_no_further():
    """The line's own verdict does not matter, nor what comes after the line."""
    engine = Ends(
        (", 63 + 35 = 98 no\n", "stop"),
        (", 63 - 35 = 28 yes\n", "stop"),
        (" no\n44 + 19 = 63, 63 + 35 = 98 yes\n", "stop"),
    )
    shares = reach_shares(
        engine, [PROBLEM, PROBLEM], ["<think>44 + 19 = 63", "<think>try\n44 + 19 = 63"], Sampling(n=3)
    )
    assert shares == [pytest.approx(1 / 3)] * 2
