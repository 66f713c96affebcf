"""Few-shot prompts: solved training problems before the question. An experiment, since the protocol is zero-shot.

DeepSeek-R1 was found to do worse with examples than without (arXiv 2501.12948, section 5); base models mostly do better.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from aha.chat import END, render
from aha.errors import DataError
from aha.rewards.judge_prompts import question_of
from aha.tasks.base import Task
from aha.types import Problem

SEARCHED = 50
"""Training problems looked at for each example wanted."""


def examples(task: Task, problems: Sequence[Problem], count: int, seed: int) -> list[Problem]:
    """`count` training problems with solutions, the same for every question. None of `problems` is among them.

    Raises DataError where the task has too few.
    """
    asked = {_bare(problem) for problem in [*problems, *task.test]}
    found: dict[str, Problem] = {}
    for problem in task.draw(SEARCHED * count, seed):
        if problem.solution and _bare(problem) not in asked:
            found.setdefault(_bare(problem), problem)
        if len(found) == count:
            return list(found.values())
    raise DataError(f"{task.name} has {len(found)} solved training problems where {count} examples are wanted")


def with_shots(problems: Sequence[Problem], shown: Sequence[Problem], plain: bool) -> list[Problem]:
    """The problems, each after the worked examples: as turns of the template, or as text where a server writes that."""
    if not shown:
        return list(problems)
    turns = [(question_of(example), example.solution or "") for example in shown]
    if not plain:
        before = "".join(f"{render(question)}{solution}{END}\n" for question, solution in turns)
        return [replace(problem, prompt=before + problem.prompt) for problem in problems]
    before = "\n\n".join(f"Question: {question}\nAnswer: {solution}" for question, solution in turns)
    return [replace(problem, prompt=f"{before}\n\nQuestion: {problem.prompt}\nAnswer:") for problem in problems]


def _bare(problem: Problem) -> str:
    return re.sub(r"\W+", " ", question_of(problem)).casefold().strip()
