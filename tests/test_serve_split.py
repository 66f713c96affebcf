"""Thought and answer told apart in a stream, however it is cut; stop strings; characters in several tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aha.chat import parse_reply
from aha.rollout.jobs import Job, Piece
from aha.serve.split import Splitter, Stops, Text
from aha.serve.writing import Writing
from aha.types import Sampling
from tests.toys import toy_chat

TAGS = ["<think>", "</think>", "<answer>", "</answer>", "<", "</thi", " ", "\n", "a", "é", "等", "<b>"]
REPLIES = st.lists(st.sampled_from(TAGS), max_size=14).map("".join)


def parts(cuts: list[str], begin="start") -> tuple[str, str, tuple]:
    splitter = Splitter(begin)
    found = [part for cut in cuts for part in splitter.feed(cut)] + splitter.end()
    joined = ["".join(text for kind, text in found if kind == wanted) for wanted in ("reasoning", "content")]
    return joined[0], joined[1], (splitter.thought_begin, splitter.thought_end)


@given(REPLIES, st.lists(st.integers(0, 80)), st.sampled_from(["start", "opened", "answer"]))
def test_every_way_of_cutting_gives_the_same(text, at, begin):
    edges = [0, *sorted(min(i, len(text)) for i in at), len(text)]
    cuts = [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert parts(cuts, begin) == parts([text], begin) == parts(list(text), begin)


@given(REPLIES)
def test_a_reply_in_the_template_is_read_as_rewards_read_it(text):
    if reply := parse_reply(text):
        assert parts([text])[:2] == (reply.thinking, reply.answer)


@pytest.mark.parametrize(
    ("text", "begin", "reasoning", "content"),
    [
        ("<think>a</think><answer>b</answer>", "start", "a", "b"),
        ("a</think> <answer>b</answer>", "opened", "a", "b"),  # the prompt holds the opening tag
        ("<think>a</think>b", "opened", "a", "b"),  # and the model repeats it
        ("a and no end", "opened", "a and no end", ""),  # cut off: never an answer
        ("<think>a</thi", "start", "a</thi", ""),
        ("<think>\n\n</think>b", "start", "", "b"),
        ("b </answer>", "answer", "", "b"),
        ("no tags", "start", "", "no tags"),
        ("say <think> aloud", "start", "", "say <think> aloud"),  # a tag in an answer is text
        ("<think>a <think> b</think>c", "start", "a <think> b", "c"),
        ("<answer>b</answer> and more", "start", "", "b and more"),
    ],
)
def test_each_shape_of_reply(text, begin, reasoning, content):
    assert parts([text], begin)[:2] == (reasoning, content)


@given(st.text("ab<", max_size=20), st.lists(st.text("ab<", min_size=1, max_size=3), min_size=1, max_size=3))
def test_a_stop_string_is_found_across_cuts_and_cut_off(text, strings):
    stops = Stops(tuple(strings))
    found = ""
    for letter in text:
        found += stops.feed(letter)
        if stops.hit:
            break
    found += stops.end()
    ends = [at + len(s) for s in strings if (at := text.find(s)) >= 0]
    assert stops.hit == bool(ends)
    if not ends:
        assert found == text
    else:  # the stop that is completed first ends it
        assert text.startswith(found) and not any(s in found for s in strings) and len(found) < min(ends)


@given(st.text(max_size=12), st.lists(st.integers(1, 3)))
def test_characters_of_several_tokens_come_out_whole(text, sizes):
    chat, given_out = toy_chat(), ""
    ids, reader = chat.encode(text), Text(toy_chat())
    for size in sizes + [len(ids)]:
        given_out += reader.feed(ids[:size])
        ids = ids[size:]
    assert given_out + reader.end() == chat.decode(chat.encode(text))


def written(text: str, *, begin="start", finish="length", each=1, **options) -> Writing:
    writing, ids = Writing(toy_chat(), begin, **options), toy_chat().encode(text)
    job = Job([1], Sampling(), print)
    for i in range(0, len(ids), each):
        last = i + each >= len(ids)
        writing.add(Piece(job, 0, ids[i : i + each], [-0.5] * each, finish=finish if last else None))
    return writing


@pytest.mark.parametrize("each", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "begin", "thought"),
    [
        ("<think>12 + 345 等é</think><answer>7</answer><|end|>", "start", "12 + 345 等é"),
        ("12 + 345 等é</think><answer>7", "opened", "12 + 345 等é"),
        ("<think>12 + 34", "start", "12 + 34"),
        ("<think>12 + 34<|end|>", "start", "12 + 34"),
        ("<think></think><answer>7</answer>", "start", ""),
        ("7 and 8", "start", ""),
        ("7</answer><|end|>", "answer", ""),
    ],
)
def test_reasoning_tokens_are_exactly_those_of_the_thought(text, begin, thought, each):
    assert written(text, begin=begin, each=each).reasoning_tokens == len(toy_chat().encode(thought))


def test_stop_strings_end_the_answer_and_never_a_thought():
    writing = written("<think>one 7 two</think><answer>six 7 eight</answer><|end|>", stop=("7",), each=4)
    assert (writing.reasoning, writing.content, writing.finish) == ("one 7 two", "six ", "stop")
    assert toy_chat().decode(writing.ids).endswith("six 7")  # what follows is not counted


def test_a_reply_that_never_closes_its_thought_is_a_thought_or_an_answer_as_asked():
    text = "<think>so 7<|end|>"
    assert written(text, finish="stop").content == ""
    assert written(text, finish="stop", unclosed="content").content == "so 7"
    assert written("<think>so 7", finish="length", unclosed="content").content == ""  # cut off is never an answer


def test_log_probabilities_are_those_of_the_content():
    writing = written("<think>1</think><answer>23 4</answer><|end|>", finish="stop", logprobs=True)
    assert "".join(noted["token"] for noted in writing.all_logprobs) == "23 4"
