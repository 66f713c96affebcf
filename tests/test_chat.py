"""The template: reading a reply back, counting words of reflection, telling languages apart."""

from __future__ import annotations

import time

import pytest

from aha.chat import Chat, count_reflection, is_mixed, language_counts, parse_reply
from aha.errors import ModelError
from tests.toys import toy_chat


def test_a_reply_is_split_into_its_two_parts():
    reply = parse_reply("<think> 1 + 1 = 2 </think>\n<answer> 2 </answer>\n")
    assert (reply.thinking, reply.answer) == ("1 + 1 = 2", "2")


@pytest.mark.parametrize(
    "text",
    ["", "2", "<answer>2</answer>", "<think>a</think>2", "<think>a<answer>2</answer>", "<think>a</think><answer></answer>",
     "<think>a</think><answer>2</answer> more", "<think>a<think>b</think></think><answer>2</answer>",
     "<think><answer>1</answer></think><answer>2</answer>", "<think>a</think><answer>1</answer><answer>2</answer>"],
)  # fmt: skip
def test_a_reply_that_strays_from_the_template_is_never_repaired(text):
    assert parse_reply(text) is None


def test_hostile_repetition_costs_little():
    began = time.perf_counter()
    assert parse_reply("<think>" + "</think><answer>" * 20_000) is None
    assert time.perf_counter() - began < 1


def test_reflection_words_are_whole_words_in_two_languages():
    assert count_reflection("Wait, that is wrong; but check 3. waiter button") == 4
    assert count_reflection("等等, 不对, 检查") == 2


def test_languages_are_counted_by_character_and_word():
    assert language_counts("<think>try 试一下 44 + 19</think>") == (3, 1)
    assert is_mixed("maybe 也许") and not is_mixed("<think>也许</think>") and not is_mixed("no 12")


def test_the_letter_of_an_option_mixes_no_languages():
    assert not is_mixed("A) 花 不对\nB) 猫 对") and is_mixed("A) 花 no\nB) 猫 对")


def test_text_survives_the_tokenizer_and_tags_are_single_tokens():
    chat = toy_chat()
    text = "User: 你好 12345\nAssistant:<think>x</think><answer>½</answer>"
    assert chat.decode(chat.encode(text)) == text == chat.decode_batch([chat.encode(text)])[0]
    assert len(chat.encode("<think>")) == len(chat.encode("<|end|>")) == 1


def test_a_missing_or_damaged_tokenizer_is_named(tmp_path):
    with pytest.raises(ModelError, match="tokenizer.json"):
        Chat.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        Chat.load(tmp_path)
