"""Simple and hard questions for routing: facts and one-step sums that need no thinking, against puzzles and chains that do.

    exams(questions=100, folder=Path("data"))

The embedded world has both kinds. Real data are added where `folder` holds them: `webquestions/val.json` (questions with
short texts as answers) and `mawps/singleop.jsonl` (one-step word problems).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aha.chat import render
from aha.errors import DataError
from aha.rewards.format import formatted
from aha.rewards.rubric import Rubric
from aha.tasks.arithmetic import arithmetic
from aha.tasks.base import Task
from aha.tasks.benchmarks import Wording, mathematics
from aha.tasks.countdown import countdown
from aha.tasks.general import general
from aha.tasks.short_answers import answer_of, bare, correct
from aha.types import Problem

WEB, MAWPS = Path("webquestions/val.json"), Path("mawps/singleop.jsonl")

__all__ = ["Exam", "bare", "exams", "web_questions"]


@dataclass(frozen=True)
class Exam:
    """Some questions of one kind."""

    name: str
    simple: bool
    """Whether they are answered without steps."""
    task: Task
    problems: Sequence[Problem]


def exams(questions: int, folder: Path | None = None, numbers: Sequence[int] = (3, 4), seed: int = 0) -> list[Exam]:
    """At most `questions` of each kind. Raises DataError for a folder without any of the files, or a damaged one."""
    puzzles = {n: countdown((n,), test_count=questions) for n in numbers}
    found = [_exam("facts", True, general(["fact"]), questions, seed)]
    if folder is not None:
        found += _from_files(folder, questions, seed)
    found += [_exam(f"countdown, {n} numbers", False, task, questions, seed) for n, task in puzzles.items()]
    return [*found, _exam("arithmetic", False, arithmetic(), questions, seed)]


def _from_files(folder: Path, questions: int, seed: int) -> list[Exam]:
    found = []
    if (folder / WEB).is_file():
        found.append(_exam("webquestions", True, web_questions(folder / WEB), questions, seed))
    if (folder / MAWPS).is_file():
        task = mathematics("mawps", folder / MAWPS, Wording()).task
        found.append(_exam("mawps", True, task, questions, seed))
    if not found:
        raise DataError(f"{folder} holds neither {WEB} nor {MAWPS}: give the folder that does, or leave it out")
    return found


def _exam(name: str, simple: bool, task: Task, questions: int, seed: int) -> Exam:
    """Files and tests are sorted by kind, so the questions are drawn from all of them."""
    order = list(task.test)
    random.Random(f"route {name} {seed}").shuffle(order)
    return Exam(name, simple, task, order[:questions])


def web_questions(path: Path) -> Task:
    """WebQuestions' rows (`qId`, `qText`, `answers`) as a task. Raises DataError for a file that has other rows."""
    try:
        rows = json.loads(path.read_text("utf-8"))
        problems = [
            Problem(render(row["qText"]), {"answers": [str(a) for a in row["answers"]], "language": "en"}, id=f"web/{row['qId']}")
            for row in rows
        ]  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is no list of rows with qId, qText and answers: {error!r}") from None

    def none(count: int, seed: int) -> list[Problem]:
        raise DataError("webquestions is asked, not trained on")

    return Task("webquestions", none, problems, Rubric((1.0, correct), (0.1, formatted)), answer_of)
