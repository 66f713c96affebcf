r"""The mathematics reward: is the final answer of a reply the reference answer?

    grade_math(r"\frac{1}{2}", r"<think>...</think><answer>0.5</answer>")
    ->  MathGrade(value=1.0, reason="", method="answer tag, exact, strict math/1")

Text is read into exact values where it has them (`mathematics.answer`), compared part by part (`mathematics.compare`), and only
expressions that have none go to math-verify in processes with a hard limit (`mathematics.worker`). An answer that is too
long, too deep or too heavy to compare earns 0: it is the reply's fault, and nothing is gained by writing one. None
means that the grader failed. A reference answer that cannot be used is a DataError.

Strict grading is for rewards. Lenient grading, for evaluation, also accepts other words and units around the answer,
arithmetic left undone, decimals right to six places, and what math-verify's own defaults accept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from aha.chat import THINK
from aha.errors import AhaError, DataError
from aha.rewards.mathematics.answer import Answer, NotAnswer, readings
from aha.rewards.mathematics.compare import DECIDED, PROSE, SEVERAL, UNIT, Rules, same
from aha.rewards.mathematics.extract import find_answer
from aha.rewards.mathematics.lenient import undressed
from aha.rewards.mathematics.ring import NotExact
from aha.rewards.mathematics.text import MAX_CHARACTERS, is_heavy, latex, spell
from aha.rewards.mathematics.worker import GoldTooHeavy, MathVerifyMissing, TooHeavy, WorkerFailed, Workers
from aha.rewards.rubric import Grade, each
from aha.types import Completion, Problem

VERSION = "math/1"
"""Raised whenever some answer would be graded differently."""
MAX_ASKED = 8
"""Pairs of expressions that math-verify is asked about for one answer."""
COMPLEX, ECHO = "too complex", "restates the question"


@dataclass(frozen=True, slots=True)
class MathGrade:
    """1, 0 or None (the grader failed), why it is not 1, and how it was found: extractor, comparison, version."""

    value: float | None
    reason: str
    method: str


def grade_math(gold: str, reply: str, lenient: bool = False, question: str = "", source: str = "") -> MathGrade:
    """Grade the final answer of a reply.

    Strictly, an answer that copies an expression from the question earns nothing. Raises DataError, naming `source`,
    if the gold answer cannot be used, and AhaError if math-verify is needed and missing.
    """
    found, reason = find_answer(reply, lenient)
    mode = f"{'lenient' if lenient else 'strict'} {VERSION}"
    if found is None:
        return MathGrade(0.0, reason, mode)
    grade = same_answer(gold, found.text, lenient, source)
    if grade.value == 1 and not lenient and question and _is_echo(gold, found.text, question):
        grade = MathGrade(0.0, ECHO, grade.method)
    return MathGrade(grade.value, grade.reason, f"{found.where}, {grade.method}")


def same_answer(gold: str, answer: str, lenient: bool = False, source: str = "") -> MathGrade:
    """Grade an answer that was already found. Raises as `grade_math` does."""
    mode = f"{'lenient' if lenient else 'strict'} {VERSION}"
    try:
        reason, by = _compare(str(gold), answer, lenient) if len(answer) <= MAX_CHARACTERS else (COMPLEX, "exact")
    except WorkerFailed as failure:
        return MathGrade(None, f"grader failed: {failure}", f"math-verify, {mode}")
    except GoldTooHeavy:
        raise DataError(f"{source or 'a problem'}: the gold answer {gold[:80]!r} takes too long to read") from None
    except MathVerifyMissing as missing:
        raise AhaError(str(missing)) from None
    except DataError as error:
        raise DataError(f"{source or 'a problem'}: {error}") from None
    return MathGrade(0.0 if reason else 1.0, reason, f"{by}, {mode}")


@each
def correct_math(problem: Problem, completion: Completion) -> Grade:
    """1 if the final answer is the problem's, strictly; `problem.answer` is its text."""
    return _grade(problem, completion, lenient=False)


@each
def correct_math_lenient(problem: Problem, completion: Completion) -> Grade:
    """1 if the final answer is the problem's, however it is written. For evaluation, or as a watched reward."""
    return _grade(problem, completion, lenient=True)


def _grade(problem: Problem, completion: Completion, lenient: bool) -> Grade:
    if completion.finish == "length":
        return 0.0, "cut off"
    if problem.answer is None:
        raise DataError(f"{problem.id or 'a problem'} has no answer to compare with")
    opened = problem.prompt.rstrip().endswith(THINK)  # some templates open the thinking for the model
    reply = THINK + completion.text if opened else completion.text
    grade = grade_math(str(problem.answer), reply, lenient, problem.prompt, problem.id)
    return grade.value, grade.reason


WORKERS = Workers()
"""The processes of this program. They start when first needed and end with it."""


@lru_cache(maxsize=8192)
def _compare(gold: str, answer: str, lenient: bool) -> tuple[str, str]:
    """Why the answer is not the gold one, "" if it is, and what decided. Only decisions are remembered."""
    asked = 0

    def symbolic(left: str, right: str) -> bool:
        nonlocal asked
        if asked == MAX_ASKED or is_heavy(right):
            raise TooHeavy("too many or too large expressions")
        asked += 1
        return WORKERS.equal(latex(left, exact=not lenient), latex(right, exact=not lenient), lenient)

    golds = _gold(gold)
    try:
        reason = _read_and_compare(golds, answer, Rules(symbolic, lenient))
        if reason and lenient and reason not in DECIDED:
            reason = "" if symbolic(gold, answer) else reason
    except (NotExact, TooHeavy):
        reason = "" if _flat(answer) == _flat(gold) else COMPLEX
    return reason, "math-verify" if asked else "exact"


def _read_and_compare(golds: list[Answer], answer: str, rules: Rules) -> str:
    reason = PROSE
    named = any(gold.name for gold in golds)
    for text in dict.fromkeys([answer, undressed(answer, named)]) if rules.lenient else [answer]:
        try:
            reason = same(golds, readings(text), rules)
        except NotAnswer:
            continue
        if reason in ("", SEVERAL, UNIT):
            return reason
    return reason


@lru_cache(maxsize=8192)
def _gold(text: str) -> list[Answer]:
    """The gold answer, read. What is no usual answer is kept as one expression."""
    if not text.strip() or len(text) > MAX_CHARACTERS:
        raise DataError(f"the gold answer {text[:80]!r} is empty or longer than {MAX_CHARACTERS} characters")
    try:
        return readings(text)
    except (NotAnswer, NotExact):
        return [Answer("number", spell(text), body=spell(text))]


def _is_echo(gold: str, answer: str, question: str) -> bool:
    """Whether an answer that has something left to work out stands in the question, where the gold one does not."""
    given, expected, asked = _flat(answer), _flat(gold), _flat(question)
    shown = len(expected) > 3 and expected in asked  # a choice between what the question lists
    if len(given) < 3 or given == expected or given not in asked or shown:
        return False
    first = readings(answer)[0]
    return first.kind == "relation" or (first.kind == "number" and (first.reading is None or first.reading.effort > 0))


def _flat(text: str) -> str:
    return re.sub(r"[\s{}]", "", spell(text))
