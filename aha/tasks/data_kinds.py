r"""What rows of data ask for: which columns each kind needs, what they become, and the reward that fits.

    number     an answer that is one number                 equal value
    math       an answer that can be compared               equal, as `aha.rewards.math` decides
    countdown  numbers and a target                         an expression over exactly those numbers
    code       a program and its hidden tests               all pass, in the jail
    choice     options and the right one                    its letter
    text       a short answer in words, or several          one of them, but for case, accents and articles

A problem made here has the bare question as its prompt; `aha.tasks.data` words it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace

from aha.errors import DataError
from aha.rewards.judge_prompts import question_of
from aha.rewards.rubric import Grade, GroupGrader, each
from aha.sandbox.pool import shared_pool
from aha.split import is_key_held_out
from aha.tasks import benchmarks_code, benchmarks_grade, countdown_grade, programs, short_answers
from aha.tasks.benchmarks import ANSWER, QUESTION, Wording, mathematical, options_of
from aha.tasks.benchmarks_rows import Row, text_of
from aha.tasks.countdown import question, split_of
from aha.tasks.countdown_rows import listed, puzzle, whole
from aha.tasks.countdown_solver import find, show
from aha.tasks.overlap import words
from aha.types import Completion, Problem

PAIRS = "pairs"
"""Preference pairs, which make no task."""
Votes = Callable[[Problem, Completion], Hashable | None]
_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?\s*%?|-?\.\d+")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    """What a row needs, and the columns in which each is looked for when nobody names one."""
    read: Callable[[Row, str, str], Problem]
    """A row, where it stands and its language -> a problem. Raises DataError, and NotPlain for tests that cannot be posed."""
    correct: GroupGrader
    """1 or 0 for a reply, as training is to reward it."""
    votes: Votes
    reference: Callable[[Problem], str]
    """The answer that is right by definition, as a reply would state it; empty where there is none."""
    ask: str
    """What is said behind the question, so that it is clear what an answer is."""
    key: Callable[[Problem], str]
    """Equal for problems that are the same in substance."""
    either: tuple[str, ...] = ()
    """Columns of which a row needs one only."""


def _math(row: Row, where: str, language: str) -> Problem:
    return mathematical(row, where, Wording(plain=True), language)


def _number(row: Row, where: str, language: str) -> Problem:
    problem = _math(row, where, language)
    if not _NUMBER.fullmatch(problem.answer["answer"]):
        raise DataError(
            f"{where}: the answer {problem.answer['answer'][:60]!r} is no number; correct it, or say kind math"
        )
    return problem


def _countdown(row: Row, where: str, language: str) -> Problem:
    nums = row["nums"]
    given = {"nums": listed(nums) if isinstance(nums, str) else nums, "target": whole(row["target"])}
    numbers, target = puzzle(given, where)
    asked = question(numbers, target, "zh" if language == "zh" else "en")
    return Problem(asked, {"numbers": list(numbers), "target": target, "language": language})


def _code(row: Row, where: str, language: str) -> Problem:
    problem = benchmarks_code.program(row, where, shared_pool())
    asked = question_of(problem).rstrip().removesuffix(programs.FENCED).rstrip()
    return replace(problem, prompt=asked, answer=problem.answer | {"language": language})


def _choice(row: Row, where: str, language: str) -> Problem:
    asked, options, letter = options_of(row, where)
    return Problem(asked, {"letter": letter, "options": options, "language": language})


def _text(row: Row, where: str, language: str) -> Problem:
    asked, answers = text_of(row["question"], where, "question").strip(), row["answers"]
    listed = answers if isinstance(answers, list) else [answers]
    given = [text_of(one, where, "answer") for one in listed if one is not None]
    if not asked or not any(short_answers.bare(one) for one in given):
        raise DataError(f"{where}: no question, or no answer with a letter or digit in it")
    return Problem(asked, {"answers": given, "language": language})


@each
def _strict_math(problem: Problem, completion: Completion) -> Grade:
    """1 if the final answer is the problem's by the rules of the reward."""
    [grade] = benchmarks_grade.correct_strict(problem, [completion])
    return grade


@each
def _strict_letter(problem: Problem, completion: Completion) -> Grade:
    """1 if the reply's last line, box or answer is the letter of the right option."""
    letter, reason = benchmarks_grade.letter_of(problem, completion, lenient=False)
    if letter is None:
        return 0.0, reason
    return 1.0 if letter == problem.answer["letter"] else (0.0, "wrong letter")


def _solved(problem: Problem) -> str:
    tree = find(problem.answer["numbers"], problem.answer["target"])
    return show(tree) if tree is not None else ""


def _program(problem: Problem) -> str:
    return (problem.solution or "").rpartition("<answer>")[2].removesuffix("</answer>")


def _first(problem: Problem) -> str:
    return next(answer for answer in problem.answer["answers"] if short_answers.bare(answer))


def _words(problem: Problem) -> str:
    return " ".join(words(problem.prompt))


def _puzzle(problem: Problem) -> str:
    return f"{sorted(problem.answer['numbers'])} {problem.answer['target']}"


_MATH = {"question": QUESTION, "answer": ANSWER, "solution": ("solution",)}
_IN_ANSWER = "Think first, inside <think> </think> tags, then give {} inside <answer> </answer> tags."
_FINAL = _IN_ANSWER.format("the final answer alone")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "number", _MATH, _number, _strict_math, benchmarks_grade.mathematical_answer,
            lambda problem: problem.answer["answer"], _FINAL, _words, ("answer", "solution"),
        ),
        Kind(
            "math", _MATH, _math, _strict_math, benchmarks_grade.mathematical_answer,
            lambda problem: f"\\boxed{{{problem.answer['answer']}}}", _FINAL, _words, ("answer", "solution"),
        ),
        Kind(
            "countdown", {"nums": ("nums", "numbers"), "target": ("target",)}, _countdown, countdown_grade.correct,
            countdown_grade.answer_of, _solved,
            "Use + - * / and each number exactly once. " + _IN_ANSWER.format("the expression alone"), _puzzle,
        ),
        Kind(
            "code", {}, _code, benchmarks_code.correct, benchmarks_code.handed_in, _program,
            _IN_ANSWER.format("the whole program in one fenced block of Python"), _words,
        ),
        Kind(
            "choice", {}, _choice, _strict_letter, benchmarks_grade.chosen_letter,
            lambda problem: problem.answer["letter"], _IN_ANSWER.format("the letter of the right option alone"), _words,
        ),
        Kind(
            "text", {"question": ("question", "qText"), "answers": ("answers", "answer")}, _text, short_answers.correct,
            short_answers.answer_of, _first, _FINAL, _words,
        ),
    )
}  # fmt: skip


def kind_of(columns: Collection[str]) -> str:
    """The kind that a row's columns speak of; PAIRS for preferences, `math` where nothing else does."""
    have = set(columns)
    if {"chosen", "rejected"} <= have:
        return PAIRS
    if have >= {"official_tests"} or any(have.issuperset(told) for told, _ in programs.KINDS):
        return "code"
    if "target" in have and have & {"nums", "numbers"}:
        return "countdown"
    if have & {"options", "choices", "Correct Answer"}:
        return "choice"
    return "text" if "answers" in have else "math"


def is_held_out(problem: Problem, kind: Kind) -> bool:
    """Whether a problem is for testing, where a data set has no test rows of its own: one in ten is, whoever reads it."""
    if kind.name == "countdown":
        return split_of(problem.answer["numbers"], problem.answer["target"]) == "test"
    return is_key_held_out(f"data:{kind.key(problem)}")
