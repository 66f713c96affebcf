"""Plain functions as rewards, among them three written for another trainer, unchanged."""

from __future__ import annotations

import re
from functools import partial

import pytest

from aha.errors import DataError
from aha.rewards.functions import reward_of
from aha.rewards.rubric import Rubric
from aha.types import Completion, Problem

PROBLEM = Problem("What is 1 + 1?", answer={"target": "2", "level": 3}, id="sum/1")
GROUP = [
    Completion("<think>easy</think><answer>2</answer>", token_ids=[1, 2, 3]),
    Completion("<think>hm</think><answer>3</answer>", token_ids=[1]),
    Completion("2", token_ids=[]),
]


# the three forms that TRL's documentation shows
def reward_len(completions, **kwargs):
    return [float(len(completion)) for completion in completions]


def correctness_reward(prompts, completions, completion_ids, target, **kwargs):
    assert prompts[0] == "What is 1 + 1?" and kwargs["level"] == [3] * len(completions)
    found = [re.search(r"<answer>(.*?)</answer>", completion) for completion in completions]
    return [
        None if not ids else float(m.group(1) == t) for m, t, ids in zip(found, target, completion_ids, strict=True)
    ]


async def format_reward_func(completions, **kwargs):
    contents = [completion[0]["content"] for completion in completions]
    return [1.0 if re.match(r"^<think>.*?</think><answer>.*?</answer>$", content) else 0.0 for content in contents]


def test_functions_written_for_trl_run_unchanged():
    rubric = Rubric(
        (0.0, reward_of(reward_len)),
        (1.0, reward_of(correctness_reward)),
        (0.5, reward_of(format_reward_func, conversational=True)),
    )
    scores = rubric(PROBLEM, GROUP)
    assert [score.total for score in scores] == [1.5, 0.5, 0.0]
    assert scores[1].parts == {"reward_len": 35.0, "correctness_reward": 0.0, "format_reward_func": 1.0}
    assert scores[2].parts == {"reward_len": 1.0, "format_reward_func": 0.0}


def test_what_no_trl_function_applies_to_has_no_total():
    """TRL's own example: a function for each of two tasks, each None for the other's rows."""

    def math_reward_func(completions, task, **kwargs):
        return [1.0 if t == "math" else None for t in task]

    def coding_reward_func(completions, task, **kwargs):
        return [0.5 if t == "coding" else None for t in task]

    rubric = Rubric((1.0, reward_of(math_reward_func)), (1.0, reward_of(coding_reward_func)))
    totals = [rubric(Problem("?", answer={"task": task}), GROUP[:1])[0].total for task in ("math", "coding", "essay")]
    assert totals == [1.0, 0.5, None]


@pytest.mark.parametrize(("found", "kind"), [(None, "NoneType"), (1.0, "float"), ({0: 1.0}, "dict")])
def test_a_trl_function_that_returns_no_list_is_named(found, kind):
    def odd(completions):
        return found

    with pytest.raises(DataError, match=f"'odd' returned a {kind}"):
        Rubric((1.0, reward_of(odd)))(PROBLEM, GROUP)


def test_an_object_that_can_be_called_has_the_name_of_its_class():
    class Shortness:
        def __call__(self, text):
            return len(text) < 9

    assert Rubric((1.0, reward_of(Shortness())), (1.0, reward_of(partial(reward_len)))).names == (
        "Shortness",
        "reward_len",
    )


def test_a_parameter_names_a_part_of_the_reply_or_a_column():
    def right(answer_text, target, missing=7):
        return answer_text == target and missing == 7

    def near(thinking, level):
        return None if thinking is None else len(thinking) / level

    assert reward_of(right)(PROBLEM, GROUP) == [True, False, False]
    assert reward_of(near)(PROBLEM, GROUP) == [4 / 3, 2 / 3, None]


def test_records_and_groups_are_given_as_they_are():
    def shortest(problem, group):
        return [len(c.token_ids) == min(len(x.token_ids) for x in group) for c in group]

    def id_length(problem, completion):
        return len(problem.id) + len(completion.token_ids)

    assert reward_of(shortest) is shortest
    assert reward_of(id_length)(PROBLEM, GROUP) == [8, 6, 5]


@pytest.mark.parametrize("function", [lambda completions, goal: completions, lambda text, goal: 1.0])
def test_a_missing_column_is_named_with_those_there_are(function):
    with pytest.raises(DataError, match="'goal'.*sum/1.*target, level"):
        reward_of(function)(PROBLEM, GROUP)


def test_a_function_of_nothing_is_refused():
    with pytest.raises(TypeError, match="takes nothing"):
        reward_of(lambda: 1.0)


def test_a_wrong_number_of_values_is_told():
    def short(completions):
        return [1.0]

    with pytest.raises(DataError, match="'short' returned 1 values for 3 replies"):
        Rubric((1.0, reward_of(short)))(PROBLEM, GROUP)
