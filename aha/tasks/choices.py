"""Multiple choice: what kind a thing is, and what the opposite of a word is.

    Which is a kind of animal? A) red B) tea C) dog D) tree
    <think>A) red no
    B) tea no
    C) dog yes</think><answer>C</answer>

The first is worded as the base model has read it, which picks a letter at chance (`benchmarks/world_tasks.py`). What is
held out is a combination of question and options, in any order and language; each fact in it occurs in training too,
and the base has read most combinations.
"""

from __future__ import annotations

import random
import re
from collections.abc import Hashable, Sequence
from functools import partial

from aha.chat import render
from aha.models.world.choice_text import choice
from aha.models.world.general_text import LETTERS
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Grade, Rater, Rubric, each
from aha.tasks.base import Task
from aha.tasks.streams import Language, Stream, check_languages
from aha.types import Completion, Problem

_LETTER = re.compile(rf"([{LETTERS}])[).]?")


def make(rng: random.Random, languages: Sequence[Language]) -> Problem:
    """A question of a family, with one right option and three wrong ones in any order."""
    made = choice(rng, languages)
    answer = {
        "family": made.family, "asked": made.asked, "options": list(made.options), "letter": made.letter,
        "language": made.language,
    }  # fmt: skip
    return Problem(render(made.question), answer, f"<think>{made.thought}</think><answer>{made.letter}</answer>")


def key_of(problem: Problem) -> str:
    """What is asked, and the options in any order and language."""
    return f"{problem.answer['family']} {problem.answer['asked']}: {', '.join(sorted(problem.answer['options']))}"


def read_letter(text: str) -> str | None:
    """The letter of an option, perhaps with a bracket or a full stop as in the question; None for anything else."""
    match = _LETTER.fullmatch(text)
    return match[1] if match else None


@each
def correct(problem: Problem, completion: Completion) -> Grade:
    """1 if the answer is the letter of the right option, else 0."""
    reply, reason = read_reply(completion)
    if reply is None:
        return 0.0, reason
    letter = read_letter(reply.conclusion)
    if letter is None:
        return 0.0, "not a letter"
    return 1.0 if letter == problem.answer["letter"] else (0.0, "wrong letter")


def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
    """The letter a reply votes for, or its text where that is no letter."""
    reply, _ = read_reply(completion)
    if reply is None:
        return None
    return read_letter(reply.conclusion) or " ".join(reply.conclusion.split())


def choices(
    languages: Sequence[Language] = ("en", "zh"),
    *,
    test_count: int = 500,
    test_seed: int = 0,
    rubric: Rater | None = None,
) -> Task:
    """Questions with four options, graded by the letter. Opposites are asked in English only.

    Raises ConfigError for an unknown language or a negative count.
    """
    check_languages(languages)
    stream = Stream("choice", partial(make, languages=tuple(languages)), key_of)
    graded = rubric or Rubric((1.0, correct), (0.1, formatted))
    return Task("choice", stream.draw, stream.test(test_count, test_seed), graded, answer_of)
