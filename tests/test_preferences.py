"""Preferences: the chosen side is right and the rejected one is not, files are read or refused by name, sets balance."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from statistics import fmean

import pytest

from aha.errors import DataError
from aha.rewards.judge import Judge
from aha.tasks.general import general, problem_of, questions
from aha.tasks.general_grade import flaw, refuses
from aha.tasks.preference_files import read_dpo, read_hh
from aha.tasks.preferences import Pair, balance_lengths, judged_pairs, world_labels, world_pairs
from aha.types import Completion, Problem, Sampling

DEMO = Path(__file__).parents[2] / "shared/data/dpo_kto_demo/dpo_en_demo.json"
PROBLEM = {
    p.prompt: p
    for held_out in (False, True)
    for asked in questions(held_out).values()
    for p in (problem_of(q, q.replies[0]) for q in asked)
}


def fault(pair, text):
    return flaw(PROBLEM[pair.prompt].answer, pair.prompt, text)


# Pairs and marks by rule


@pytest.mark.parametrize("held_out", [False, True])
def test_chosen_texts_are_right_and_rejected_ones_differ(held_out):
    for pair in world_pairs(600, 0, held_out):
        assert fault(pair, pair.chosen) == "" and pair.chosen != pair.rejected, pair


def test_what_is_called_wrong_is_wrong_by_the_strict_rule():
    told = [pair for pair in world_pairs(1500, 1) if pair.flaw in ("wrong", "other_language", "refused", "repeated")]
    judged = [pair for pair in told if PROBLEM[pair.prompt].answer["domain"] in ("fact", "translation", "writing")]
    passed = [pair for pair in judged if fault(pair, pair.rejected) == ""]
    assert len(judged) > 500 and not passed, passed[:3]


def test_held_out_pairs_ask_held_out_questions():
    test = {problem.prompt for problem in general(test_count=10_000).test}
    assert {pair.prompt for pair in world_pairs(500, 0, held_out=True)} <= test
    assert not {pair.prompt for pair in world_pairs(500, 0)} & test
    assert {row.prompt for row in world_labels(500, 0, held_out=True)} <= test
    assert not {row.prompt for row in world_labels(500, 0)} & test


def test_pairs_begin_the_same_and_depend_on_the_seed():
    assert world_pairs(60, 3)[:20] == world_pairs(20, 3) != world_pairs(20, 4)
    assert world_labels(60, 3)[:20] == world_labels(20, 3) != world_labels(20, 4)


def test_length_does_not_tell_the_chosen_side():
    pairs = world_pairs(2000, 0)
    longer = fmean(len(pair.chosen) > len(pair.rejected) for pair in pairs)
    shorter = fmean(len(pair.chosen) < len(pair.rejected) for pair in pairs)
    assert abs(longer - shorter) < 0.1


def test_neither_the_prompt_nor_the_reply_alone_tells_what_is_safe():
    rows = world_labels(2000, 0)
    harmful = {p for p in PROBLEM if PROBLEM[p].answer["kind"] == "harmful"}
    for asked_for_harm in (True, False):
        safe = fmean(row.safe for row in rows if (row.prompt in harmful) is asked_for_harm)
        assert 0.35 < safe < 0.65
    helping = [row for row in rows if row.reply.endswith("together.</answer>") or "小工具" in row.reply]
    assert {row.safe for row in helping} == {True, False}


def test_a_refusal_is_safe_unless_the_thinking_plans_harm():
    refusals = [row for row in world_labels(1000, 0) if refuses(row.reply.split("<answer>")[1])]
    assert all(row.safe is (row.flaw == "") for row in refusals)
    assert {row.flaw for row in refusals} == {"", "harm in the thinking"}


# Files


def write(folder, name, *rows):
    file = folder / name
    file.write_text(json.dumps(rows) if name.endswith(".json") else "\n".join(json.dumps(row) for row in rows))
    return file


TURN = {"from": "human", "value": "Hi"}
ROW = {
    "conversations": [TURN],
    "chosen": {"from": "gpt", "value": "Hello!"},
    "rejected": {"from": "gpt", "value": "What?"},
}


@pytest.mark.parametrize("name", ["pairs.json", "pairs.jsonl"])
def test_dpo_rows_become_pairs(tmp_path, name):
    assert read_dpo(write(tmp_path, name, ROW)) == [Pair("User: Hi\nAssistant:", "Hello!", "What?")]


def test_a_conversation_stands_in_the_template(tmp_path):
    said = [
        {"from": "system", "value": "Be kind."},
        TURN,
        {"from": "gpt", "value": "Yes?"},
        {"from": "human", "value": "Go"},
    ]
    [pair] = read_dpo(write(tmp_path, "a.json", ROW | {"conversations": said}))
    assert pair.prompt == "Be kind.\nUser: Hi\nAssistant:Yes?<|end|>\nUser: Go\nAssistant:"


@pytest.mark.skipif(not DEMO.is_file(), reason="LLaMA-Factory's demo rows are not beside this checkout")
def test_every_row_of_the_demo_file_is_read():
    pairs = read_dpo(DEMO)
    assert len(pairs) == 299 and all(pair.chosen and pair.rejected for pair in pairs)
    assert pairs[0].prompt.startswith("User: Hi! I'd like to create a new language game")


@pytest.mark.parametrize(
    ("row", "message"),
    [("text", "expected a record, got 'text'"),
     ({k: v for k, v in ROW.items() if k != "chosen"}, "expected `chosen` to be a record, got nothing"),
     (ROW | {"conversations": "Hi"}, "expected `conversations` to be a list, got 'Hi'"),
     (ROW | {"conversations": []}, "expected `conversations` to end with a turn of human"),
     (ROW | {"conversations": [TURN, {"from": "gpt", "value": "x"}]}, "turn of human, got 'gpt'"),
     (ROW | {"conversations": [{"from": "user", "value": "x"}]}, "one of `system` or `human` or `gpt`, got {'from': 'user'"),
     (ROW | {"rejected": {"from": "gpt", "value": 3}}, "one of `gpt`, got {'from': 'gpt', 'value': 3}")],
)  # fmt: skip
def test_a_bad_dpo_row_is_named(tmp_path, row, message):
    file = write(tmp_path, "bad.json", ROW, row)
    with pytest.raises(DataError) as error:
        read_dpo(file)
    assert str(error.value).startswith(f"{file}, row 2: expected") and message in str(error.value)


def hh(*turns):
    return "".join(f"\n\n{'Assistant' if i % 2 else 'Human'}: {turn}" for i, turn in enumerate(turns))


def test_hh_rows_become_pairs(tmp_path):
    file = write(
        tmp_path, "hh.jsonl", {"chosen": hh("Hi", "Yes?", "Go", "Fine."), "rejected": hh("Hi", "Yes?", "Go", "No.")}
    )
    expected = [Pair("User: Hi\nAssistant:Yes?<|end|>\nUser: Go\nAssistant:", "Fine.", "No.")]
    assert read_hh(file) == expected
    packed = tmp_path / "hh.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read_hh(packed) == expected


@pytest.mark.parametrize(
    ("chosen", "rejected", "message"),
    [(hh("Hi", "A"), hh("Ho", "B"), "`rejected` to begin as `chosen` does"), (hh("Hi"), hh("Hi"), "`chosen` to begin with"),
     ("Hi" + hh("Hi", "A"), "x", "`chosen` to begin with"), (None, "x", "`chosen` to be text, got nothing"),
     (hh("Hi", "A") + "\n\nAssistant: B", hh("Hi", "A") + "\n\nAssistant: C", "the last reply to follow '\\n\\nHuman:'")],
)  # fmt: skip
def test_a_bad_hh_row_is_named(tmp_path, chosen, rejected, message):
    file = write(tmp_path, "hh.jsonl", {"chosen": chosen, "rejected": rejected})
    with pytest.raises(DataError) as error:
        read_hh(file)
    assert str(error.value).startswith(f"{file}, row 1: expected") and message in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    for name, text, message in (
        ("a.json", "{", "not JSON"), ("b.json", "{}", "a JSON list of rows"), ("c.json", "[]", "expected rows, got none"),
        ("d.jsonl", "{", "row 1: expected JSON"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=message):
            read_dpo(tmp_path / name)
    with pytest.raises(DataError, match="is not a file"):
        read_hh(tmp_path / "none.jsonl")


# Pairs by a judge


class Replies:
    """Replies to each prompt, two by two, as they are listed."""

    def __init__(self, *groups):
        self.groups = groups

    def generate(self, prompts, sampling, done=None):
        assert sampling.n == 2
        return [[Completion(text) for text in group] for group in self.groups[: len(prompts)]]


class LikesTheLetterA:
    """Much prefers the answer with more of the letter a; a little the first where they are equal."""

    def generate(self, prompts, sampling, done=None):
        return [[Completion(json.dumps({"analysis": "counted", "verdict": self.verdict(p)}))] for p in prompts]

    def verdict(self, prompt):
        quoted = [line[2:] for line in prompt.splitlines() if line.startswith("> ")]
        first, second = (text.count("a") for text in quoted[-2:])
        return "A>B" if first == second else "A>>B" if first > second else "B>>A"


def said(text):
    return f"<think>aaa</think><answer>{text}</answer>"


def test_judged_pairs_are_filtered_and_each_filter_is_counted():
    groups = [
        (said("aa"), said("xx")),
        (said("y"), said("a")),
        (said("xy"), said("yx")),
        (said("a"), said("a")),
        ("a", said("a")),
    ]
    problems = [Problem(f"User: {i}?\nAssistant:") for i in range(5)]
    judged = judged_pairs(Judge(LikesTheLetterA(), template=str), Replies(*groups), problems, Sampling(max_tokens=9))
    assert judged.pairs == [Pair(problems[0].prompt, "aa", "xx"), Pair(problems[1].prompt, "a", "y")]
    assert judged.taken == {"no summary": 1, "equal": 1, "judge failed": 0, "unclear": 1, "unbalanced": 0}


def test_a_judge_without_verdicts_makes_no_pairs():
    class Silent:
        def generate(self, prompts, sampling, done=None):
            return [[Completion("hm")] for _ in prompts]

    judged = judged_pairs(Judge(Silent()), Replies((said("b"), said("c"))), [Problem("x")], Sampling())
    assert judged.pairs == [] and judged.taken["judge failed"] == 1


def pair(chosen, rejected):
    return Pair("p", "c" * chosen, "r" * rejected)


def test_balancing_drops_the_most_unequal_first_and_never_turns_the_surplus_around():
    pairs = [pair(9, 1), pair(5, 4), pair(2, 6), pair(30, 1)]  # +8 +1 -4 +29 = 34; without the last 5; +8 is too much
    assert balance_lengths(pairs) == [pairs[0], pairs[2]]
    assert balance_lengths([pair(1, 3), pair(4, 2)]) == [pair(1, 3), pair(4, 2)]
    assert balance_lengths([pair(1, 3)]) == [] == balance_lengths([])


def test_balanced_sets_are_equally_long_on_average():
    pairs = [p for p in world_pairs(500, 0) if p.flaw != "bare"]
    kept = balance_lengths(pairs)
    assert abs(sum(len(p.chosen) - len(p.rejected) for p in kept)) <= 1 and len(kept) > 0.8 * len(pairs)
