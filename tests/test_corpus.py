"""The embedded world's text and tokenizer: what the base reads is right where it must be, and round-trips."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aha.chat import END, parse_reply
from aha.models.world.arithmetic_text import chain_text, checks_text, equations_text
from aha.models.world.broad_text import broad_text, summed_up
from aha.models.world.choice_text import options_text
from aha.models.world.corpus import Reading, batches, text
from aha.models.world.countdown_text import countdown_text, puzzle
from aha.models.world.questions import world_questions
from aha.models.world.requests import safety
from aha.split import is_held_out
from aha.tasks.choices import choices
from tests.toys import toy_chat

EQUATION = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def holds(a: str, op: str, b: str, c: str) -> bool:
    a, b, c = int(a), int(b), int(c)
    return {"+": a + b == c, "-": a - b == c, "*": a * b == c, "/": c * b == a}[op]


@pytest.mark.parametrize("write", [equations_text, checks_text, chain_text, lambda rng: countdown_text(rng, 1.0)])
def test_every_equation_in_the_corpus_is_right(write):
    rng = random.Random(0)
    equations = [e for _ in range(300) for e in EQUATION.findall(write(rng).split("<answer>")[0])]
    assert len(equations) > 300
    assert all(holds(*equation) for equation in equations)


def test_every_verdict_in_a_search_is_right():
    rng = random.Random(1)
    verdicts = 0
    for _ in range(300):
        page = countdown_text(rng, 1.0)
        target = int(re.findall(r"\d+", page.split("\n")[0])[-1 if "from" not in page.split("\n")[0] else 0])
        for value, verdict in re.findall(r"= (\d+) (yes|no|对|不对)\n", page):
            if " equals " in page or " make " in page or "算出" in page:
                verdicts += 1
                assert (int(value) == target) == (verdict in ("yes", "对")), page
    assert verdicts > 300


def test_puzzles_of_the_corpus_are_never_held_out():
    rng = random.Random(2)
    assert not any(is_held_out("countdown", *puzzle(rng, 3)) for _ in range(500))


def test_most_replies_follow_the_template_and_some_do_not():
    rng = random.Random(3)
    replies = [countdown_text(rng, 0.5).split("Assistant:")[1].removesuffix(END + "\n") for _ in range(1000)]
    formatted = sum(parse_reply(reply) is not None for reply in replies)
    assert 930 < formatted < 990  # 97 % in expectation


def test_rows_start_with_a_text_and_are_the_same_for_the_same_seed():
    reading = Reading(batches=2, rows=4, tokens=64, think=0.3)
    first, again = (list(batches(toy_chat(), reading, seed=5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (4, 65) and first[0].dtype == np.uint16


@settings(deadline=None)
@given(st.text())
def test_any_text_round_trips(value):
    chat = toy_chat()
    assert chat.decode(chat.encode(value)) == value or any(tag in value for tag in ("<|pad|>", END))


@settings(deadline=None)
@given(st.integers(0, 999))
def test_a_number_of_up_to_three_digits_is_one_token_wherever_it_stands(number):
    chat = toy_chat()
    [token] = chat.encode(str(number))
    assert token in chat.encode(f"a {number}, b") and token in chat.encode(f"({number})")


def test_the_corpus_mixes_kinds_and_languages():
    rng = random.Random(4)
    pages = [text(rng, 0.3) for _ in range(500)]
    assert any("首都" in page for page in pages) and any("```python" in page for page in pages)
    assert sum("<answer>" in page for page in pages) > 250


def test_no_held_out_question_is_in_the_broad_text():
    rng = random.Random(4)
    read = "".join(broad_text(rng, 0.3) for _ in range(20_000))
    held_out = [q.text for q in (*world_questions(), *safety()) if q.held_out]
    assert len(held_out) > 200 and not [text for text in held_out if f"User: {text}\n" in read]
    asked = {problem.prompt for problem in choices(test_count=200).test}
    assert len(asked) == 200 and not any(prompt in read for prompt in asked)


def test_a_choice_is_picked_blindly_or_after_looking_at_the_options_in_turn():
    rng, looked = random.Random(5), 0
    for _ in range(500):
        page = options_text(rng)
        thought, letter = re.search(r"<think>(.*?)</think><answer>(.)</answer>", page, re.DOTALL).groups()
        if thought:
            *before, last = thought.split("\n")
            looked += 1
            assert last.startswith(letter) and last.endswith(("yes", " 对")) and not last.endswith("不对")
            assert all(line.endswith(("no", "不对")) for line in before)
    assert 150 < looked < 250  # 200 in expectation


def test_a_reply_that_strays_from_the_template_is_not_summed_up():
    page = f"User: What is 1 + 1?\nAssistant:<think>1 + 1 = 2</think>2{END}\n"
    assert summed_up(page, "arithmetic") == page
    said = summed_up(page.replace("</think>2", "</think><answer>2</answer>"), "arithmetic")
    assert said.endswith(f"<think>let me see\n1 + 1 = 2</think><answer>I think it is 2\n2</answer>{END}\n")
