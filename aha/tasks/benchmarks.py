r"""Benchmarks as tasks: files of questions under fixed wordings, graded by what stands after the thinking.

    found = mathematics("gsm8k", Path("test.jsonl"), Wording(BOXED))
    found.task.test[0].prompt  ->  "User: Janet's ducks ... within \boxed{}.\nAssistant:"

Beside this file: reading rows (`benchmarks_rows`), grading (`benchmarks_grade`) and programs (`benchmarks_code`). A
benchmark is for measuring; it can be drawn from only where a file of training rows is given.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aha.chat import render
from aha.errors import DataError
from aha.rewards.judge_prompts import question_of
from aha.rewards.mathematics.extract import find_answer
from aha.sandbox.pool import shared_pool
from aha.tasks import benchmarks_code, benchmarks_grade
from aha.tasks.base import Task
from aha.tasks.benchmarks_grade import LETTERS
from aha.tasks.benchmarks_rows import Row, rows, text_of
from aha.tasks.data_names import files_of
from aha.types import Problem

BOXED = "{question}\nPlease reason step by step, and put your final answer within \\boxed{}."
"""DeepSeek-R1's README: the instruction belongs into the user's turn, and there is no system prompt."""
CHOICE = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of {letters}. Think step by step before answering.\n\n{question}"
)
"""simple-evals' wording, with which DeepSeek-R1 was measured on GPQA."""
QUESTION = ("problem", "question", "input", "Problem", "Question")
ANSWER = ("answer", "target", "Answer", "expected_answer", "final_answer", "final_ans", "golden")
"""What data sets of mathematics call the two."""
TAGGED = "{question}\nThink first, inside <think> </think> tags, then give the final answer alone inside <answer> </answer> tags."
"""For models that do not know the template of `aha.chat`."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a question becomes a prompt; `plain` leaves the model's template to a server that writes it itself."""

    text: str = "{question}"
    plain: bool = False

    def __call__(self, question: str) -> str:
        asked = self.text.replace("{question}", question)
        return asked if self.plain else render(asked)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A task with all its questions under `test`, and a line for each row that could not become one."""

    task: Task
    left_out: tuple[str, ...] = ()
    asked: tuple[Problem, ...] = ()
    """The questions in the words in which a model is asked, where those are not the task's own."""


def mathematics(name: str, path: Path, wording: Wording, train: Path | None = None, language: str = "en") -> Benchmark:
    """Questions with an answer that can be compared: AIME, MATH, GSM8K, MGSM, SVAMP, MultiArith and files like them.

    Raises DataError for rows without a question or an answer.
    """
    read = partial(mathematical, wording=wording, language=language)
    test = _read(name, path, read)
    rubric, votes = benchmarks_grade.mathematics(), benchmarks_grade.mathematical_answer
    return Benchmark(Task(name, _drawn(name, train, read, test), test, rubric, votes))


def multiple_choice(name: str, path: Path, plain: bool = False) -> Benchmark:
    """Questions with options: GPQA, and files with `question`, `options` and `answer`. Raises DataError for other rows."""
    test = _read(name, path, partial(optional, plain=plain))
    draw = _drawn(name, None, partial(optional, plain=plain), test)
    return Benchmark(Task(name, draw, test, benchmarks_grade.multiple_choice(), benchmarks_grade.chosen_letter))


def programming(
    name: str, path: Path, plain: bool = False, train: Path | None = None, window: tuple[str, str] = ("", "")
) -> Benchmark:
    """Programs to write. Raises DataError for damaged rows, and SandboxError where no jail works."""
    test, left_out = benchmarks_code.read_programs(path, shared_pool(), window)
    given = benchmarks_code.read_programs(train, shared_pool())[0] if train else None
    if plain:
        test = [replace(problem, prompt=question_of(problem)) for problem in test]
        given = [replace(problem, prompt=question_of(problem)) for problem in given or ()] if train else None
    draw = _shuffled(name, given, test)
    task = Task(name, draw, test, benchmarks_code.programming(), benchmarks_code.handed_in)
    return Benchmark(task, tuple(left_out))


def _read(name: str, path: Path, read: Callable[[Row, str], Problem], side: str = "test") -> list[Problem]:
    """The problems of a file, or of all files of a name such as openai/gsm8k."""
    return [
        replace(read(row, f"{file}, row {number}"), id=f"{name}/{id_of(row, number)}")
        for file in files_of(path, side)
        for number, row in rows(file)
    ]


def id_of(row: Row, number: int) -> str:
    """What a row calls itself, or its number."""
    return str(next((row[key] for key in ("unique_id", "Record ID", "id", "ID", "task_id") if row.get(key)), number))


Draw = Callable[[int, int], list[Problem]]


def _drawn(name: str, train: Path | None, read: Callable[[Row, str], Problem], test: list[Problem]) -> Draw:
    return _shuffled(name, _read(f"{name}/train", train, read, "train") if train else None, test)


def _shuffled(name: str, given: list[Problem] | None, test: list[Problem]) -> Draw:
    """Training problems in an order that the seed decides. None of them is a test question, however it is spaced."""
    asked = {_bare(problem) for problem in test}
    kept = [problem for problem in given or () if _bare(problem) not in asked]

    def draw(count: int, seed: int) -> list[Problem]:
        if not kept:
            raise DataError(
                f"{name} has no training problems; give a file of rows that are not for testing with --train"
            )
        order = [*kept]
        random.Random(f"{name} {seed}").shuffle(order)
        return [order[i % len(order)] for i in range(count)]

    return draw


def _bare(problem: Problem) -> str:
    return re.sub(r"\W+", " ", question_of(problem)).casefold().strip()


def mathematical(row: Row, where: str, wording: Wording, language: str = "en") -> Problem:
    """A row with a question and an answer, under any of the names that benchmarks give them."""
    question = " ".join(filter(None, (_text(row, where, "Body"), _text(row, where, *QUESTION))))
    worked = _text(row, where, "solution")
    gold = _text(row, where, *ANSWER)
    if "####" in gold:
        worked, _, gold = (re.sub(r"<<[^<>]*>>", "", gold)).rpartition("####")
    if not gold and worked:
        found, _ = find_answer(worked, lenient=True)
        gold = found.text if found else ""
    if not question.strip() or not gold.strip():
        raise DataError(f"{where}: no question or no answer; it has: {', '.join(row)}")
    gold = re.sub(r"(?<=\d),(?=\d{3}\b)", "", gold.strip()) if re.fullmatch(r"\s*-?[\d,]+\s*", gold) else gold.strip()
    reply = f"<think>{worked.strip()}</think><answer>\\boxed{{{gold}}}</answer>" if worked.strip() else None
    return Problem(wording(question.strip()), {"answer": gold, "language": language}, reply)


def _text(row: Row, where: str, *names: str) -> str:
    """The first of these columns that is filled. Raises DataError where that is no text and no number."""
    name = next((name for name in names if row.get(name) is not None), "")
    return text_of(row[name], where, name) if name else ""


def optional(row: Row, where: str, plain: bool = False) -> Problem:
    """A row with options, in the wording of `CHOICE`."""
    question, options, letter = options_of(row, where)
    wording = Wording(CHOICE.replace("{letters}", LETTERS[: len(options)]), plain)
    answer = {"letter": letter, "options": options, "language": "en"}
    return Problem(wording(question), answer)


def options_of(row: Row, where: str) -> tuple[str, list[str], str]:
    """The question with its options listed, the options, and the right letter. GPQA's are put in an order that the
    question alone decides; others stand as they are given. Raises DataError for a row that lacks one of them.
    """
    question = _text(row, where, "Question", "question").strip()
    if "Correct Answer" in row:
        right = row["Correct Answer"].strip()
        options = [right, *(row[f"Incorrect Answer {i}"].strip() for i in (1, 2, 3))]
        random.Random(f"gpqa {question}").shuffle(options)
        letter = LETTERS[options.index(right)]
    else:
        given = row.get("options") or row.get("choices") or []
        options = [text_of(one, where, "option") for one in given] if isinstance(given, list) else []
        letter = _letter(row.get("answer"))
    if not question or not 2 <= len(options) <= len(LETTERS) or letter not in LETTERS[: len(options)]:
        raise DataError(
            f"{where}: needs `question`, `options` and the letter or index of the `answer`, or GPQA's columns"
        )
    listed = "\n".join(f"{name}) {option}" for name, option in zip(LETTERS, options, strict=False))
    return f"{question}\n\n{listed}", options, letter


def _letter(answer: Any) -> str:
    """A letter, or the letter of an index from 0; an empty text, which is in no list of letters, for anything else."""
    if isinstance(answer, int) and 0 <= answer < len(LETTERS):
        return LETTERS[answer]
    return answer.strip().upper() if isinstance(answer, str) and len(answer.strip()) == 1 else " "
