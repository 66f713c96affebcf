"""What is read off one run of N samples, against all subsets by brute force."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import combinations
from statistics import fmean

import pytest

from aha.errors import RunError
from aha.evaluation.answers import Answers, Grader, answers, kept_answers, whole
from aha.evaluation.pooled import Drawn, expected_longest, read_off
from aha.rewards.rubric import Rubric, each
from aha.search.select import best, majority, shortest, solved
from aha.search.types import Candidate, Cost
from aha.tasks.base import Task
from aha.types import Completion, Problem
from tests.search_toys import candidates, said, toy_task

FOUND = candidates(("a", 10, -1.0, 0.9), ("b", 4, -1.0, 0.2), ("b", 6, -1.0, 0.3), ("c", 8, -1.0, 0.5))
"""Answer, tokens, log-probability, score."""
GRADES = [1.0, 0.0, 0.0, 0.0]
DRAWING = Cost(prompt_tokens=20, tokens=28, passes=10, flops=480.0, seconds=4.8)
SCORING = Cost(scorer_tokens=24, flops=240.0, seconds=1.2)
SUBSETS = list(combinations(range(4), 2))


def drawn(found=FOUND, grades=GRADES, scoring=()) -> Drawn:
    return Drawn([found], [grades], [DRAWING], scoring)


def test_tokens_passes_and_the_rest_are_means_over_all_subsets():
    told = read_off(drawn(), "vote", 2, "vote:2", majority)
    lengths = [10, 4, 6, 8]
    assert told.bill_Q["tokens"] == [fmean(sum(lengths[i] for i in s) for s in SUBSETS)] == [14.0]
    assert told.bill_Q["passes"] == [pytest.approx(fmean(max(lengths[i] for i in s) for s in SUBSETS))]
    assert told.bill_Q["prompt_tokens"] == [20.0] and told.bill_Q["scorer_tokens"] == [0.0]
    assert told.bill_Q["flops"] == [pytest.approx(480 * (20 + 14) / 48)] and told.total_Q == [14.0]
    assert expected_longest([3, 1, 2], 3) == 3.0 and expected_longest([3, 1, 2], 1) == 2.0


def test_equal_replies_are_read_once_by_a_scorer():
    told = read_off(drawn(scoring=[SCORING]), "best", 2, "bon:2", best)
    sizes, texts = {"a": 10, "b": 6, "c": 8}, "abbc"
    mean = fmean(sum(sizes[t] for t in {texts[i] for i in s}) for s in SUBSETS)
    assert told.bill_Q["scorer_tokens"] == [pytest.approx(24 * mean / 24)]
    everything = read_off(drawn(scoring=[SCORING]), "best", 4, "bon:4", best)
    assert everything.bill_Q["scorer_tokens"] == [24.0] and everything.bill_Q["flops"] == [pytest.approx(720.0)]


def test_credits_are_those_of_all_subsets():
    assert read_off(drawn(), "sample", 1, "", majority).credit_Q == [0.25]
    # a vote of two shares its ties: a-b twice, a-c once
    assert read_off(drawn(), "vote", 2, "", majority).credit_Q == [pytest.approx(3 * 0.5 / 6)]
    assert read_off(drawn(), "best", 2, "", best).credit_Q == [0.5] and read_off(
        drawn(), "vote", 4, "", majority
    ).credit_Q == [0.0]
    first = read_off(drawn(), "short", 2, "", lambda found: shortest(found, m=1))
    assert first.credit_Q == [0.0]


def test_a_reply_that_was_cut_off_leaves_nothing_and_is_told_apart():
    cut = [Candidate(replace(c.reply, finish="length"), None) for c in FOUND[:2]]
    blank = [Candidate(FOUND[2].reply, None)]
    told = read_off(drawn([*cut, *blank, FOUND[3]], [0.0] * 4), "vote", 2, "", majority)
    assert told.blank_Q == [pytest.approx(3 / 6)] and told.cut_Q == [pytest.approx(1 / 6)]


def test_a_grader_that_failed_is_no_zero_and_takes_the_question_out_for_all():
    told = read_off(drawn(grades=[1.0, None, 0.0, 0.0]), "vote", 2, "", majority)
    assert told.credit_Q == [None]
    with pytest.raises(ValueError, match="whole"):
        assert told.right_Q
    good = read_off(drawn(), "vote", 2, "", majority)

    def both(a: Answers, b: Answers) -> Answers:
        bills = {name: a.bill_Q[name] + b.bill_Q[name] for name in a.bill_Q}
        return replace(a, credit_Q=a.credit_Q + b.credit_Q, blank_Q=[0.0, 0.0], cut_Q=[0.0, 0.0], bill_Q=bills)

    kept, questions = whole([both(told, good), both(good, good)])
    assert questions == [1] and [one.right_Q for one in kept] == [good.credit_Q, good.credit_Q]
    with pytest.raises(RunError, match="failed on each of the 1 questions"):
        whole([told])


def test_replies_are_graded_once_and_cut_ones_never():
    graded = []

    @each
    def correct(problem, completion):
        graded.append(completion.text)
        return completion.text == "right"

    task = Task("toy", toy_task()[0].draw, [], Rubric((1.0, correct)), said)
    grader, problem = Grader(task), Problem("1 + 1", id="1")
    found = [Candidate(Completion(text), text) for text in ("right", "wrong", "right")]
    cut = Candidate(Completion("right", finish="length"), None)
    assert grader(problem, [*found, cut]) == [1.0, 0.0, 1.0, 0.0]
    assert grader.of(solved(problem, found, majority(found), Cost())) == 1.0 and graded == ["right", "wrong"]
    assert grader.of(solved(problem, [], majority([]), Cost())) == 0.0


def test_finished_answers_are_read_and_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "arms" / "vote.json"
    made = read_off(drawn(), "vote", 2, "vote:2", majority)
    assert kept_answers(file, lambda: made) == made == kept_answers(file, lambda: pytest.fail("made again"))
    for damage in ("{", "[1]", json.dumps(asdict(made) | {"more": 1})):
        file.write_text(damage)
        with pytest.raises(RunError, match="vote.json"):
            kept_answers(file, lambda: made)


def test_a_run_is_told_as_it_was():
    task, problems = toy_task()

    @each
    def correct(problem, completion):
        return 1.0

    grader = Grader(replace(task, rubric=Rubric((1.0, correct))))
    found = [
        solved(problems[0], FOUND[:1], majority(FOUND[:1]), DRAWING),
        solved(problems[1], [], majority([]), Cost()),
    ]
    told = answers("greedy", 1, "greedy", found, grader)
    assert told.credit_Q == [1.0, 0.0] and told.blank_Q == told.cut_Q == [0.0, 1.0]
    assert told.bill_Q["tokens"] == [28.0, 0.0] and told.bill_Q["passes"] == [10.0, 0.0]
