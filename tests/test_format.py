"""The format reward's rule, clause by clause, against replies that try to get round it."""

from __future__ import annotations

import time

import pytest

from aha.rewards.format import formatted, visible
from aha.rewards.rubric import Rubric
from aha.types import Completion, Problem

PROBLEM = Problem("User: Say yes.\nAssistant:")
GOOD = "<think>fine</think><answer>yes</answer>"


def grade(text, finish="stop"):
    [score] = Rubric((1.0, formatted))(PROBLEM, [Completion(text, finish=finish)])
    return score.total, score.reason


@pytest.mark.parametrize(
    "text",
    [GOOD, f"\n {GOOD} \n", "<think>a\n\nb</think>\n\n<answer>\n2\n</answer>", "<think></think><answer>hello</answer>",
     "<think>5 < 6 and 7 > 6, <b>bold</b>, <thinking> aloud</think><answer>5 < 6</answer>",
     "<think>我想</think><answer>好</answer>", "<think>the answer and I think</think><answer>∅</answer>"],
)  # fmt: skip
def test_the_template_earns_it(text):
    assert grade(text) == (1.0, "")


@pytest.mark.parametrize(
    "text",
    [GOOD + GOOD, GOOD + "<think>more</think>", "<think>a</think><think>b</think><answer>2</answer>",
     GOOD + "<answer>no</answer>", "<think>a</think><answer>1</answer><answer>2</answer>"],
)  # fmt: skip
def test_exactly_one_block_of_each_kind(text):
    assert grade(text) == (0.0, "bad format")


@pytest.mark.parametrize(
    "after", [" so there", ".", "</answer>", "</think>", "<|end|>more", "\u200b", "\x00", "\nUser:"]
)
def test_nothing_comes_after_the_answer(after):
    assert grade(GOOD + after) == (0.0, "bad format")


@pytest.mark.parametrize("text", ["so " + GOOD, GOOD.replace("><a", ">so<a"), "\ufeff" + GOOD, "User: " + GOOD])
def test_nothing_comes_before_or_between(text):
    assert grade(text) == (0.0, "bad format")


@pytest.mark.parametrize(
    "answer",
    ["", " ", "\n\t\n", "\u00a0\u3000", "\u200b\u2060", "\ufeff", "\u3164", "\u2800", "\u115f", "\ufe0f", "\x00", "\ue000",
     "\U000e0041\U000e0042", "\u00ad"],
    ids=ascii,
)  # fmt: skip
def test_an_answer_that_shows_nothing_is_no_answer(answer):
    value, reason = grade(f"<think>a</think><answer>{answer}</answer>")
    assert value == 0.0 and reason in ("no answer", "bad format")


@pytest.mark.parametrize(
    "text",
    ["<think>a<answer>2</answer></think>", "<think><think>a</think></think><answer>2</answer>",
     "<think>a</think><answer><think>2</think></answer>", "<answer><think>a</think>2</answer>",
     "<think>a</think><answer>1<answer>2</answer></answer>", "<think>a<answer>b</think><answer>2</answer>",
     "<think>a</answer>b</think><answer>2</answer>"],
)  # fmt: skip
def test_blocks_are_not_nested(text):
    assert grade(text) == (0.0, "bad format")


@pytest.mark.parametrize("inside", [GOOD, "<answer>1</answer>", "<think>", "</think>", "<answer>", "</answer>"])
def test_the_template_is_not_repeated_inside_the_thinking(inside):
    assert grade(f"<think>a {inside} b</think><answer>2</answer>") == (0.0, "bad format")


@pytest.mark.parametrize(
    "tag",
    ["<THINK>", "</Answer>", "<answer >", "< answer>", "</ think>", '<answer id="1">', "<think/>", "<th\u200bink>",
     "＜answer＞", "<\nanswer>", "<ａｎｓｗｅｒ>"],
    ids=ascii,
)  # fmt: skip
def test_a_tag_in_another_spelling_is_a_tag_too_many(tag):
    assert grade(f"<think>a {tag} b</think><answer>2</answer>") == (0.0, "bad format")
    assert grade(f"<think>a</think><answer>2 {tag}</answer>") == (0.0, "bad format")


@pytest.mark.parametrize(
    "text", ["", "yes", "<think>fine</think>yes", "<THINK>fine</THINK><ANSWER>yes</ANSWER>", "<think>" * 9]
)
def test_without_the_tags_there_is_no_answer(text):
    assert grade(text) == (0.0, "no answer")


@pytest.mark.parametrize(
    "text", ["<think>a</think><answer>2", "<answer>2</answer>", "<think>a<answer>2</answer>", "</think>" + GOOD]
)
def test_an_open_or_missing_block_is_not_repaired(text):
    assert grade(text) == (0.0, "bad format")


def test_a_reply_that_was_cut_off_is_not_formatted():
    assert grade(GOOD, finish="length") == (0.0, "cut off")


@pytest.mark.parametrize("piece", ["<", "< " * 5, "< /", "<think ", "<answer\n", "</", "\u200b<"])
def test_hostile_repetition_costs_little(piece):
    began = time.process_time()
    grade(f"<think>{piece * 20_000}{' ' * 20_000}</think><answer>2</answer>")
    assert time.process_time() - began < 1


def test_what_prints_nothing_is_not_visible():
    assert visible("a\u200bb\u3164c\ufe0f\n d\U000e0041") == "abc\n d" and visible("naïve ½ 好 👍") == "naïve ½ 好 👍"
