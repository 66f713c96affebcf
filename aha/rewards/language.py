"""How much of a reply's thinking is in the wanted language: R1's reward against mixed languages."""

from __future__ import annotations

import re

from aha.chat import parse_reply
from aha.errors import DataError
from aha.language import LANGUAGES, check_language, share_in
from aha.rewards.rubric import Grade, GroupGrader, each
from aha.types import Completion, Problem

_ANSWER = re.compile(r"<answer>.*?(?:</answer>|\Z)", re.DOTALL)


def thinking_of(text: str) -> str:
    """The thinking of a reply, or all that stands outside its answers where it strays from the template.

    So a reply that is cut off is graded on the thinking it has, and nothing is gained by thinking outside the tags.
    """
    reply = parse_reply(text)
    return _ANSWER.sub(" ", text) if reply is None else reply.thinking


def in_language(language: str) -> GroupGrader:
    """The share of the thinking's words that are in `language`, as a reward named `in_english` and the like.

    DeepSeek-R1, section 2.3.2: the paper adds it to the other rewards with weight 1. The answer is not graded.

    Thinking without words earns 0, or the surest way to keep one language would be to write nothing. Wrapping a
    thought in code or a formula does not hide it. Beyond that the reward sees languages only: nonsense in the right
    language earns 1, and it is for the other rewards to refuse it.

    Raises ConfigError for a language that `aha.language` does not know.
    """
    name = LANGUAGES[check_language(language)]

    def grade(problem: Problem, completion: Completion) -> Grade:
        share = share_in(thinking_of(completion.text), language)
        if share is None:
            return 0.0, "no words"
        return share if share == 1 else (share, f"not all {name}")

    grade.__name__ = grade.__qualname__ = f"in_{name.lower()}"
    return each(grade)


@each
def in_own_language(problem: Problem, completion: Completion) -> Grade:
    """`in_language` for the language of the question, `problem.answer["language"]`.

    Where the thinking has no words, be it empty, as befits a trivial question, or bare sums, the answer is graded; a whole
    reply without words keeps to its language.
    """
    language = problem.answer.get("language") if isinstance(problem.answer, dict) else None
    if language is None:
        raise DataError(f"problem {problem.id or problem.prompt[:60]!r} names no language; give answer['language']")
    reply = parse_reply(completion.text)
    share = share_in(thinking_of(completion.text), language)
    if share is None and reply is not None:
        share = share_in(reply.answer, language)
        share = 1.0 if share is None else share
    if share is None:
        return 0.0, "no words"
    return share if share == 1 else (share, "another language")
