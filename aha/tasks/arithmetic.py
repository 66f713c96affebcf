"""Chains of sums, the plainest reasoning there is: each step is easy, and an answer given at once is mostly wrong.

    What is 12 + 30 - 7?
    <think>12 + 30 = 42
    42 - 7 = 35</think><answer>35</answer>

The questions are worded as those the base model has read, which had one to four steps; five is just beyond. The split
keeps training and testing apart here; the base read its chains without regard to it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Hashable, Sequence
from functools import partial

from aha.chat import render
from aha.errors import ConfigError
from aha.models.world.arithmetic_text import CHAIN_QUESTIONS, chain
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Grade, Rater, Rubric, each
from aha.tasks.base import Task
from aha.tasks.streams import Language, Stream, check_languages
from aha.types import Completion, Problem

LONGEST = 20
"""Steps of the longest chain that may be asked."""

_INTEGER = re.compile(r"([+-]?) *([0-9]{1,12})")


def make(rng: random.Random, languages: Sequence[Language], steps: Sequence[int]) -> Problem:
    """A chain of one of the lengths in `steps`, asked in one of `languages`, with its steps as the solution."""
    language, length = rng.choice(languages), rng.choice(steps)
    made = chain(rng, length, length)
    question = rng.choice(CHAIN_QUESTIONS[language]).format(chain=made.asked)
    solution = "<think>" + "\n".join(made.steps) + f"</think><answer>{made.value}</answer>"
    answer = {"chain": made.asked, "steps": length, "value": made.value, "language": language}
    return Problem(render(question), answer, solution)


def key_of(problem: Problem) -> str:
    """The signed numbers of a chain in any order: chains that differ in order or language only are the same."""
    return str(sorted(int(term.replace(" ", "")) for term in re.findall(r"[+-]? ?[0-9]+", problem.answer["chain"])))


def read_integer(text: str) -> int | None:
    """A whole number in digits, perhaps with a sign before them; None for anything else."""
    match = _INTEGER.fullmatch(text)
    return int(match[1] + match[2]) if match else None


@each
def correct(problem: Problem, completion: Completion) -> Grade:
    """1 if the answer is the chain's value, written as a whole number and nothing else; else 0."""
    reply, reason = read_reply(completion)
    if reply is None:
        return 0.0, reason
    value = read_integer(reply.conclusion)
    if value is None:
        return 0.0, "not a number"
    return 1.0 if value == problem.answer["value"] else (0.0, "wrong value")


def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
    """The number a reply votes for, or its text where that is no number."""
    reply, _ = read_reply(completion)
    if reply is None:
        return None
    value = read_integer(reply.conclusion)
    return " ".join(reply.conclusion.split()) if value is None else value


def arithmetic(
    languages: Sequence[Language] = ("en", "zh"),
    steps: Sequence[int] = (2, 3, 4, 5),
    *,
    test_count: int = 500,
    test_seed: int = 0,
    rubric: Rater | None = None,
) -> Task:
    """Chains of additions and subtractions, graded exactly. `steps` are the lengths drawn from, evenly.

    Raises ConfigError for an unknown language, a length outside 1 to LONGEST, or a negative count.
    """
    check_languages(languages)
    if not steps or not all(1 <= length <= LONGEST for length in steps):
        raise ConfigError(f"steps = {list(steps)}: a chain has 1 to {LONGEST} steps")
    stream = Stream("arithmetic", partial(make, languages=tuple(languages), steps=tuple(steps)), key_of)
    graded = rubric or Rubric((1.0, correct), (0.1, formatted))
    return Task("arithmetic", stream.draw, stream.test(test_count, test_seed), graded, answer_of)
