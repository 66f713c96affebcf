"""Collecting data: what is kept, what is not and why, and refining that never changes what is right."""

from __future__ import annotations

import pytest

from aha.chat import parse_reply
from aha.errors import DataError
from aha.pipeline.collect import CHUNK, collect, read_examples
from aha.pipeline.filters import contaminated, is_readable, ngrams, unreadable
from aha.pipeline.recipe import Collect
from aha.pipeline.refine import by_engine, by_rule, in_language
from aha.tables import read_jsonl
from aha.tasks.countdown import answer_of, countdown, graded, problem_of
from aha.types import Completion, Example

PUZZLE = problem_of([44, 19, 35], 98, None, "countdown/train/0/0")
PUZZLE.answer["language"] = "en"
RIGHT = "<think>44 - 19 = 25 no\n44 + 19 = 63, 63 + 35 = 98 yes</think><answer>(44 + 19) + 35</answer>"
MIXED = "<think>44 - 19 = 25 不对\n44 + 19 = 63, 63 + 35 = 98 yes</think><answer>44 + 19 + 35</answer>"
GUESS = "<think>maybe</think><answer>44 + 19 + 35</answer>"
WRONG = "<think>44 - 19 = 25 yes</think><answer>44 - 19 + 35</answer>"
LOOP = f"<think>{'44 - 19 = 25 no' + chr(10)}" + "44 - 19 = 25 no\n" * 8 + "</think><answer>44 + 19 + 35</answer>"


class Scripted:
    """An engine that gives the same replies to every prompt."""

    def __init__(self, *texts):
        self.texts = texts

    def generate(self, prompts, sampling, done=None):
        group = [Completion(text, [1], list(range(5)), [0.0] * 5) for text in self.texts]
        for i in range(len(prompts)):
            if done:
                done(i, group)
        return [group for _ in prompts]

    def load_weights(self, named_tensors):
        raise NotImplementedError


class OnlyOne(Scripted):
    """Refuses to sample a chunk that is there already."""

    def generate(self, prompts, sampling, done=None):
        assert len(prompts) == 1
        return super().generate(prompts, sampling, done)


def task():
    from aha.tasks.base import Task

    return Task("countdown", lambda count, seed: [PUZZLE] * count, [PUZZLE], graded(), answer_of)


def sampled(folder, *texts, **more):
    settings = Collect(problems=1, samples=len(texts), keep=2)
    told = collect(folder, Scripted(*texts), task(), settings, 0, source="toy", **more)
    return told, read_examples(folder / "data.jsonl")


def test_every_reply_that_is_left_out_has_its_reason(tmp_path):
    told, examples = sampled(tmp_path, RIGHT, MIXED, GUESS, WRONG, LOOP, RIGHT)
    assert [example.reply for example in examples] == [RIGHT]
    assert told["in"] == 6 and told["kept"] == 1
    assert told["reasons"] == {
        "mixed languages": 1, "does not think": 1, "wrong value": 1, "repeats itself": 1, "said already": 1,
    }  # fmt: skip
    assert len(read_jsonl(tmp_path / "rejected.jsonl")) == 5


def test_an_empty_set_says_which_filter_took_how_many(tmp_path):
    with pytest.raises(DataError, match="nothing is left of 3 replies of toy: wrong value 2, does not think 1"):
        sampled(tmp_path, WRONG, WRONG, GUESS)


def test_refining_by_rule_adds_words_and_keeps_the_steps(tmp_path):
    _, [example] = sampled(tmp_path, RIGHT, refine=by_rule)
    reply = parse_reply(example.reply)
    assert reply.thinking == "let me try\n44 - 19 = 25 no\n44 + 19 = 63, 63 + 35 = 98 yes"
    assert reply.answer == "I think it is (44 + 19) + 35\n(44 + 19) + 35"
    assert reply.conclusion == "(44 + 19) + 35"


def test_a_refinement_that_changes_the_answer_is_refused(tmp_path):
    broken = "<think>I see.</think><answer>So it is.\n44 - 19</answer>"
    with pytest.raises(DataError, match="refining broke it 1"):
        sampled(tmp_path, RIGHT, refine=by_engine(Scripted(broken), str))


def test_a_refiner_that_answers_prose_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="not refined 1"):
        sampled(tmp_path, RIGHT, refine=by_engine(Scripted("Sure! Here it is."), str))


def test_a_prompt_of_an_evaluation_is_left_out(tmp_path):
    with pytest.raises(DataError, match="overlaps an evaluation set 1"):
        sampled(tmp_path, RIGHT, known=ngrams(PUZZLE.prompt))


def test_an_interrupted_collection_goes_on_after_the_last_whole_chunk(tmp_path):
    settings = Collect(problems=CHUNK + 1, samples=1, keep=1)

    class Dies(Scripted):
        def generate(self, prompts, sampling, done=None):
            if len(prompts) == 1:
                raise KeyboardInterrupt
            return super().generate(prompts, sampling, done)

    with pytest.raises(KeyboardInterrupt):
        collect(tmp_path, Dies(RIGHT), task(), settings, 0, source="toy")
    told = collect(tmp_path, OnlyOne(RIGHT), task(), settings, 0, source="toy")
    assert told["in"] == CHUNK + 1 and not list(tmp_path.glob("chunk-*"))


def test_small_words_are_told_in_one_language():
    assert in_language("等等, 44 - 19 = 25 不对\n63 + 35 = 98 对", "en") == "wait, 44 - 19 = 25 no\n63 + 35 = 98 yes"
    assert in_language("wait, 4 - 1 = 3 no", "zh").endswith("4 - 1 = 3 不对")


def test_overlap_is_of_ten_words_in_a_row_or_of_a_whole_shorter_prompt():
    known = ngrams("one two three four five six seven eight nine ten eleven")
    assert contaminated("zero two three four five six seven eight nine ten eleven", known)
    assert not contaminated("two three four five six seven eight nine ten twelve", known)
    assert contaminated("用 3 得到 4", ngrams("用 3 得到 4"))


def test_readable_is_one_language_no_repetition_and_a_summary():
    refined = by_rule([(PUZZLE, parse_reply(RIGHT))])[0]
    text = f"<think>{refined.thinking}</think><answer>{refined.answer}</answer>"
    assert is_readable(PUZZLE, Completion(text))
    assert not is_readable(PUZZLE, Completion(RIGHT))  # no summary
    assert unreadable(PUZZLE, parse_reply(MIXED)) == "mixed languages"


def test_a_row_of_another_shape_is_named(tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text('{"prompt": "a", "reply": "b"}\n{"question": "a"}\n')
    with pytest.raises(
        DataError, match=r"data.jsonl, row 2: expected text under 'prompt' and 'reply', got \['question'\]"
    ):
        read_examples(file)


def test_the_countdown_task_names_its_language():
    [english] = countdown((3,), test_count=1).draw(1, 0)
    [chinese] = countdown((3,), language="zh", test_count=1).draw(1, 0)
    assert (english.answer["language"], chinese.answer["language"]) == ("en", "zh")
    assert isinstance(Example("a", "b"), Example)
