"""A question that somebody asks at a keyboard or over the wire: as a problem, with a task that can read answers to it."""

from __future__ import annotations

import re

from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Rubric
from aha.tasks.arithmetic import read_integer
from aha.tasks.base import Task
from aha.tasks.countdown import answer_of, binary
from aha.types import Completion, Problem

COUNTDOWN = (
    re.compile(r"Using the numbers ([0-9]{1,6}(?:, ?[0-9]{1,6}){1,5}), make (-?[0-9]{1,6})\.?"),
    re.compile(r"用数字 ?([0-9]{1,6}(?:[,，、] ?[0-9]{1,6}){1,5}) ?算出 ?(-?[0-9]{1,6})。?"),
)
"""The questions of the Countdown task: answers that compute the same are the same, and they can be checked."""


def asked(question: str, prompt: str) -> tuple[Task, Problem]:
    """`question`, which `prompt` puts to the model. Any other than Countdown's is graded by its form only."""
    for wording in COUNTDOWN:
        if match := wording.fullmatch(question.strip()):
            numbers = [int(number) for number in re.findall("[0-9]+", match[1])]
            puzzle = Problem(prompt, {"numbers": numbers, "target": int(match[2])}, id="asked")
            return Task("countdown", _none, (puzzle,), binary(), answer_of), puzzle
    problem = Problem(prompt, id="asked")
    return Task("question", _none, (problem,), Rubric((1.0, formatted)), said), problem


def said(problem: Problem, reply: Completion) -> str | int | None:
    """What an answer to any question votes for: a whole number, or its last line without doubled spaces."""
    read, _ = read_reply(reply)
    if read is None:
        return None
    number = read_integer(read.conclusion)
    return " ".join(read.conclusion.split()) if number is None else number


def _none(count: int, seed: int) -> list[Problem]:
    """There is nothing to train on."""
    return []
