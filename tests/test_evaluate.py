"""Evaluations: what counts as right, what is refused, and a greedy score against a plain loop in transformers."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from itertools import combinations

import pytest
import torch

from aha.chat import Chat
from aha.errors import RunError
from aha.evaluate import evaluate, judged
from aha.models.folder import load_model, resolve
from aha.rewards.rubric import Rubric, each
from aha.rollout.engine import TorchEngine
from aha.stats import cons_at_k, mean_pass_at_k
from aha.tasks.arithmetic import arithmetic
from aha.tasks.base import Task
from aha.types import Completion, Problem, Sampling

PROBLEMS = [Problem("1 + 1?", "2", id="a"), Problem("2 + 2?", "4", id="b")]


@each
def correct(problem, completion):
    """Right when the text ends with the answer; a reply of "broken" breaks the grader."""
    return None if completion.text == "broken" else float(completion.text.endswith(problem.answer))


TASK = Task("sums", lambda count, seed: [], PROBLEMS, Rubric((1.0, correct)), lambda problem, reply: reply.text or None)


def said(*texts, finish="stop"):
    return [Completion(text, token_ids=[1] * len(text), finish=finish) for text in texts]


def summary(groups, n=None, **more):
    return judged(TASK, PROBLEMS, groups, Sampling(n or len(groups[0])), **more).summary


def test_pass_1_is_the_mean_of_all_replies():
    found = summary([said("2", "2", "3", "2"), said("4", "5", "5", "5")])
    assert found["pass@1"] == pytest.approx(0.5)
    assert found["pass@1_low"] < 0.5 < found["pass@1_high"]
    assert found["pass@k"] == pytest.approx({"1": 0.5, "2": (1 + 0.5) / 2, "4": 1.0})


def test_votes_of_fewer_than_all_are_averaged_over_subsets_with_ties_shared():
    """Of 2, 2, 3: three pairs, right, tied, tied. Of 4, 5, 5: tied, tied, wrong."""
    found = summary([said("2", "2", "3"), said("4", "5", "5")], votes=[2])
    assert found["cons@k"]["2"] == pytest.approx(((1 + 0.5 + 0.5) / 3 + (0.5 + 0.5 + 0) / 3) / 2)
    assert found["cons@k"]["3"] == 0.5 and (found["cons_low"], found["cons_high"]) == tuple(
        found["cons@k_intervals"]["3"]
    )


def test_a_question_whose_grader_failed_is_left_out_and_counted():
    found = summary([said("2", "broken"), said("4", "4")])
    assert (found["questions"], found["failed"], found["pass@1"]) == (1, 1, 1.0)


@pytest.mark.parametrize("groups", [[said("2"), said("4", "4")], [said("2", "2", "2"), said("4", "4")]])
def test_another_number_of_replies_than_asked_for_is_refused(groups):
    with pytest.raises(RunError, match="question 'a' has . replies where 2 were asked for"):
        summary(groups, n=2)


def test_a_reply_that_was_cut_off_is_never_right_and_never_votes():
    found = summary([said("2", finish="length"), said("4")])
    assert found["pass@1"] == 0.5 and found["truncated"] == 0.5 and found["reasons"] == {"cut off": 0.5}
    assert judged(TASK, PROBLEMS, [said("2", finish="length"), said("4")], Sampling()).scores[0][0].parts == {
        "correct": 0
    }


def test_lengths_are_unknown_where_an_engine_tells_no_tokens():
    silent = [[Completion("2")], [Completion("4")]]
    assert summary(silent)["length_mean"] is None
    assert summary([said("2222"), said("44")])["length_mean"] == 3


@pytest.fixture(scope="module")
def tiny():
    return resolve("tiny"), arithmetic(["en"], steps=(1, 2), test_count=8)


def plain_replies(folder, prompts, most):
    """Greedy replies by transformers alone: its model, its tokenizer, one token at a time."""
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    end = model.config.eos_token_id
    for prompt in prompts:
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        start = len(ids)
        while len(ids) - start < most and ids[-1] != end:
            with torch.inference_mode():
                ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        yield ids[start:], tokenizer.decode(ids[start:])


def test_greedy_replies_and_their_score_equal_a_plain_transformers_loop(tiny):
    folder, task = tiny
    found = evaluate(
        TorchEngine(load_model(folder), Chat.load(folder)), task, task.test, Sampling(1, 40, temperature=0)
    )
    theirs = list(plain_replies(folder, [problem.prompt for problem in task.test], 40))
    assert [group[0].token_ids for group in found.groups] == [ids for ids, _ in theirs]
    answers = [re.search(r"<answer>\s*(-?\d+)\s*</answer>", text) for _, text in theirs]
    right = [a is not None and int(a[1]) == p.answer["value"] for a, p in zip(answers, task.test, strict=True)]
    assert found.summary["pass@1"] == pytest.approx(sum(right) / len(right)) and 0 < sum(right) < len(right)


def test_an_evaluation_in_one_go_counts_its_seconds(tiny):
    folder, task = tiny
    engine = TorchEngine(load_model(folder), Chat.load(folder))
    found = evaluate(engine, replace(task, test=task.test[:2]), task.test[:2], Sampling(2, 20, seed=3))
    assert found.summary["seconds"] > 0 and found.summary["samples"] == 2 and len(found.groups) == 2


def every_vote(answers, correct, k):
    """cons@k written out: every k of the samples vote, and tied winners share the credit."""
    credits = []
    for draw in combinations(range(len(answers)), k):
        votes = [answers[i] for i in draw if answers[i] is not None]
        winners = {answer for answer in votes if votes.count(answer) == max(map(votes.count, votes))}
        credits.append(sum(correct[answers.index(winner)] for winner in winners) / len(winners) if winners else 0.0)
    return sum(credits) / len(credits)


@pytest.mark.parametrize("seed", range(6))
def test_votes_and_tries_equal_brute_force(seed):
    rng = random.Random(seed)
    answers = [[rng.choice(["1", "2", "3", None]) for _ in range(7)] for _ in range(4)]
    right_QK = [[float(answer == "2") for answer in row] for row in answers]
    for k in range(1, 8):
        expected = [every_vote(*rows, k) for rows in zip(answers, right_QK, strict=True)]
        assert cons_at_k(answers, right_QK, k) == pytest.approx(expected)
        tries = [sum(map(any, combinations(row, k))) / math.comb(7, k) for row in right_QK]
        assert mean_pass_at_k(right_QK, k) == pytest.approx(sum(tries) / 4)
