"""Multiple choice: what kind a thing is, and what the opposite of a word is.

    Which is a kind of animal? A) red B) tea C) dog D) tree
    <think>dog is a kind of animal</think><answer>C</answer>

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
from aha.models.world import general_text
from aha.models.world.general_text import KINDS, LETTERS, OPPOSITES, WORD_PAIRS, listed
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Grade, Rater, Rubric, each
from aha.tasks.base import Task
from aha.tasks.streams import Language, Stream, check_languages
from aha.types import Completion, Problem

CHINESE = dict(WORD_PAIRS) | {"animal": "动物", "colour": "颜色", "plant": "植物", "drink": "饮料"}
QUESTIONS = {
    ("kind", "en"): general_text.KIND_QUESTION,
    ("kind", "zh"): "哪个是{asked}？ {options}",
    ("opposite", "en"): "Which is the opposite of {asked}? {options}",
}
THOUGHTS = {
    ("kind", "en"): general_text.KIND_THOUGHT,
    ("kind", "zh"): "{right}是{asked}",
    ("opposite", "en"): "{right} is the opposite of {asked}",
}

_LETTER = re.compile(rf"([{LETTERS}])[).]?")


def make(rng: random.Random, languages: Sequence[Language]) -> Problem:
    """A question of a family, with one right option and three wrong ones in any order."""
    language = rng.choice(languages)
    family = rng.choice([family for family, spoken in QUESTIONS if spoken == language])
    asked, right, wrong = (_kind if family == "kind" else _opposite)(rng, language)
    options = [right, *rng.sample(wrong, len(LETTERS) - 1)]
    rng.shuffle(options)
    told = {word: CHINESE[word] if language == "zh" else word for word in (asked, *options)}
    question = QUESTIONS[family, language].format(asked=told[asked], options=listed([told[word] for word in options]))
    letter = LETTERS[options.index(right)]
    thought = THOUGHTS[family, language].format(asked=told[asked], right=told[right])
    answer = {"family": family, "asked": asked, "options": options, "letter": letter, "language": language}
    return Problem(render(question), answer, f"<think>{thought}</think><answer>{letter}</answer>")


def _kind(rng: random.Random, language: Language) -> tuple[str, str, list[str]]:
    """A kind, a word of that kind, and the words of all others; those with a Chinese name where that is asked for."""
    named = {kind: [w for w in words if language == "en" or w in CHINESE] for kind, words in sorted(KINDS.items())}
    kind = rng.choice(list(named))
    return kind, rng.choice(named[kind]), [w for other, words in named.items() if other != kind for w in words]


def _opposite(rng: random.Random, language: Language) -> tuple[str, str, list[str]]:
    """A word, its opposite, and the words of all other pairs."""
    word, opposite = rng.choice(OPPOSITES)
    return word, opposite, [w for pair in OPPOSITES if pair[0] != word for w in pair]


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
