r"""Read and grade replies to benchmarks: answers in mathematics, and letters of multiple choice.

Models write in many forms: R1's (thinking, then text with \boxed{}), the template of `aha.chat`, or plain text. What is
read is always what stands after the thinking, and nothing of a reply that was cut off. `correct` reads and compares
leniently, as published results do, and `correct_strict` as the rewards do: on the same replies graders differ by points,
so both are kept. `formatted` is whether the answer stands where it was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Hashable

from aha.chat import ANSWER, ANSWER_END, THINK, THINK_END
from aha.rewards.math import VERSION, grade_math
from aha.rewards.mathematics.answer import Answer, NotAnswer, readings
from aha.rewards.mathematics.extract import find_answer
from aha.rewards.mathematics.lenient import undressed
from aha.rewards.mathematics.ring import Exact, NotExact
from aha.rewards.mathematics.text import MAX_CHARACTERS, letters
from aha.rewards.rubric import Grade, Rubric, each
from aha.types import Completion, Problem

MATHEMATICS = f"box, answer tag, phrase or last number after the thinking; lenient {VERSION}, strict beside it"
LETTER = "letter after the thinking: 'Answer: X', box or answer tag; letter/1, strict beside it"
"""The extractors, as results name them."""
LETTERS = "ABCDEFGHIJ"


def whole_text(problem: Problem, completion: Completion) -> str:
    """The reply with the opening of its thinking, where the prompt has written that already."""
    return THINK + completion.text if problem.prompt.rstrip().endswith(THINK) else completion.text


def concluded(problem: Problem, completion: Completion) -> tuple[str | None, str]:
    """What stands after the thinking, inside the answer tags where there are any; or None, and why there is nothing."""
    if completion.finish == "length":
        return None, "cut off"
    text = whole_text(problem, completion)
    if THINK_END in text:
        text = text.rpartition(THINK_END)[2]
    elif THINK in text:
        return None, "no answer"
    if ANSWER in text:
        text = text.rpartition(ANSWER)[2].partition(ANSWER_END)[0]
    return (text, "") if text.strip() else (None, "no answer")


def _mathematics(problem: Problem, completion: Completion, lenient: bool) -> Grade:
    if completion.finish == "length":
        return 0.0, "cut off"
    text = whole_text(problem, completion)
    grade = grade_math(problem.answer["answer"], text, lenient, problem.prompt, problem.id)
    return grade.value, grade.reason


@each
def correct(problem: Problem, completion: Completion) -> Grade:
    """1 if the final answer is the problem's, however it is written."""
    return _mathematics(problem, completion, lenient=True)


@each
def correct_strict(problem: Problem, completion: Completion) -> Grade:
    """1 if the final answer is the problem's by the rules of the reward."""
    return _mathematics(problem, completion, lenient=False)


@each
def formatted(problem: Problem, completion: Completion) -> Grade:
    """1 if there is one final answer, in a box or in answer tags, after thinking that was opened and closed once at most."""
    if completion.finish == "length":
        return 0.0, "cut off"
    found, reason = find_answer(whole_text(problem, completion))
    return 1.0 if found else (0.0, reason)


def mathematics() -> Rubric:
    """The rubric of mathematical benchmarks."""
    return Rubric((1.0, correct), (0.0, correct_strict), (0.0, formatted))


def mathematical_answer(problem: Problem, completion: Completion) -> Hashable | None:
    """What a reply votes for: its exact value where it has one, so that 1/2 and 0.5 are one answer; else its text."""
    if completion.finish == "length":
        return None
    found, _ = find_answer(whole_text(problem, completion), lenient=True)
    if found is None:
        return None
    text = found.text[:MAX_CHARACTERS]
    try:
        return _key(readings(undressed(text))[0])
    except (NotAnswer, NotExact):
        return letters(text)


def _key(answer: Answer) -> Hashable:
    """Equal for answers that say the same. Names, units and currencies are left out."""
    if answer.kind == "relation" and answer.name and answer.shape == "=":
        return _key(answer.items[1])
    if answer.reading is not None:
        return "%" if answer.percent else "", _terms(answer.reading.value)
    if answer.items:
        parts = [_key(item) for item in answer.items]
        return answer.kind, answer.shape, tuple(sorted(parts, key=repr) if answer.kind == "list" else parts)
    return letters(answer.text)


def _terms(value: Exact) -> Hashable:
    return tuple(sorted(value.top.items())), tuple(sorted(value.bottom.items()))


_LINE = re.compile(rf"[*_\s]*answer\s*[:：][\s*_$]*\(?([{LETTERS}])\)?[\s*_$.]*", re.IGNORECASE)
_BOX = re.compile(rf"\\boxed\{{\s*(?:\\text\s*\{{)?\s*\(?([{LETTERS}])\)?[.:]?\s*\}}?\s*\}}")
_BARE = re.compile(rf"[\s*_$]*\(?([{LETTERS}])\)?[.:)]?[\s*_$]*")
_SAID = re.compile(
    rf"(?i:\banswer(?:\s+choice|\s+option)?\s*(?:is\b|would\s+be\b|[:：]))[\s*_$]*(?i:option\s+|choice\s+)?\(?([{LETTERS}])(?![A-Za-z'’])"
)


def letter_of(problem: Problem, completion: Completion, lenient: bool = True) -> tuple[str | None, str]:
    """The letter a reply chooses, or None and why: no letter is ever guessed.

    Strictly it stands on the last line, as "Answer: X" or in a box, or alone in the answer tags. Leniently the last box or
    the last "the answer is X" will do as well.
    """
    text, reason = concluded(problem, completion)
    if text is None:
        return None, reason
    lines = [line for line in text.splitlines() if line.strip()]
    boxes = _BOX.findall(text)
    exact = _LINE.fullmatch(lines[-1]) or _BARE.fullmatch(text)
    if exact:
        return exact[1].upper(), ""
    if boxes and (lenient or _BOX.search(lines[-1])):
        return boxes[-1].upper(), ""
    said = _SAID.findall(text) if lenient else []
    return (said[-1].upper(), "") if said else (None, "no letter")


def _chosen(problem: Problem, completion: Completion, lenient: bool) -> Grade:
    letter, reason = letter_of(problem, completion, lenient)
    if letter is None:
        return 0.0, reason
    return 1.0 if letter == problem.answer["letter"] else (0.0, "wrong letter")


def multiple_choice() -> Rubric:
    """The rubric of multiple choice."""

    @each
    def correct(problem: Problem, completion: Completion) -> Grade:
        return _chosen(problem, completion, lenient=True)

    @each
    def correct_strict(problem: Problem, completion: Completion) -> Grade:
        return _chosen(problem, completion, lenient=False)

    @each
    def formatted(problem: Problem, completion: Completion) -> Grade:
        letter, reason = letter_of(problem, completion, lenient=False)
        return 1.0 if letter else (0.0, reason)

    return Rubric((1.0, correct), (0.0, correct_strict), (0.0, formatted))


def chosen_letter(problem: Problem, completion: Completion) -> Hashable | None:
    """The letter a reply votes for."""
    return letter_of(problem, completion)[0]
