"""Countdown: make a target from given numbers with + - * /, each number exactly once (the puzzle of TinyZero).

    Using the numbers 44, 19, 35, make 98.
    <think>44 + 19 = 63, 63 + 35 = 98 yes</think><answer>(44 + 19) + 35</answer>

Problems come from an endless generator with a difficulty knob, or from files. Beside this file: how puzzles are drawn
(`countdown_draw`), read (`countdown_rows`), solved (`countdown_solver`) and graded (`countdown_grade`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from aha.chat import render
from aha.errors import DataError
from aha.rewards.rubric import Rubric
from aha.split import is_held_out
from aha.tasks.base import Task
from aha.tasks.countdown_draw import Difficulty, Puzzle, draw_puzzle
from aha.tasks.countdown_grade import RUBRICS, answer_of, binary, correct, graded, tiered, tinyzero
from aha.tasks.countdown_rows import rows
from aha.tasks.countdown_solver import OPERATORS, Tree, Value, find, show, solutions, solve, steps
from aha.tasks.data_names import files_of
from aha.tasks.streams import Language, Split, check_languages
from aha.types import Problem

__all__ = [
    "RUBRICS", "answer_of", "binary", "correct", "countdown", "draw_rows", "find", "generate", "graded", "key_of",
    "problem_of", "question", "read_rows", "solutions", "solve", "split_of", "tiered", "tinyzero",
]  # fmt: skip


def question(numbers: Sequence[int], target: int, language: Language = "en") -> str:
    """What the user asks, in English or Chinese."""
    listed = ", ".join(map(str, numbers))
    return f"用数字 {listed} 算出 {target}。" if language == "zh" else f"Using the numbers {listed}, make {target}."


def problem_of(numbers: Sequence[int], target: int, tree: Tree | None, id: str, language: Language = "en") -> Problem:
    """A puzzle as a Problem; `tree` is its known solution."""
    solution = None
    if tree is not None:
        worked = ", ".join(f"{_term(a)} {op} {_term(b)} = {value}" for a, op, b, value in steps(tree))
        solution = f"<think>{worked} {'对' if language == 'zh' else 'yes'}</think><answer>{show(tree)}</answer>"
    answer = {"numbers": list(numbers), "target": target, "language": language}
    return Problem(render(question(numbers, target, language)), answer, solution, id)


def _term(value: Value) -> str:
    return str(value) if isinstance(value, int) and value >= 0 else f"({value})"


def key_of(problem: Problem) -> Puzzle:
    """What makes two problems the same puzzle: their numbers in any order, and the target."""
    return tuple(sorted(problem.answer["numbers"])), problem.answer["target"]


def split_of(numbers: Sequence[int], target: int) -> Split:
    """Where a puzzle belongs, whoever draws it and in whatever order its numbers stand: one in ten is for testing."""
    return "test" if is_held_out("countdown", numbers, target) else "train"


def generate(
    count: int,
    seed: int,
    numbers: Sequence[int] = (3,),
    by: Literal["target", "expression"] = "target",
    *,
    largest: int = 99,
    targets: tuple[int, int] = (10, 100),
    operators: str = OPERATORS,
    min_solutions: int = 1,
    language: Language = "en",
    split: Split = "train",
    held_out: Collection[Puzzle] = (),
) -> list[Problem]:
    """The first `count` problems of the endless stream `seed`, each with a known solution (see Difficulty).

    Problem i depends on the settings, the seed and i alone. All belong to `split`, and none is in `held_out`, the
    `key_of` of problems kept for testing. A problem may come twice.
    """
    check_languages([language])
    difficulty = Difficulty(tuple(numbers), by, largest, targets, operators, min_solutions)

    def wanted(puzzle: Puzzle) -> bool:
        return split_of(*puzzle) == split and (tuple(sorted(puzzle[0])), puzzle[1]) not in held_out

    problems = []
    for i in range(count):
        drawn, target = draw_puzzle(random.Random(f"countdown {seed} {i}"), difficulty, wanted)
        tree = find(drawn, target, operators)
        problems.append(problem_of(drawn, target, tree, f"countdown/{split}/{seed}/{i}", language))
    return problems


def read_rows(path: Path | str, check: bool = True, language: Language = "en", side: Split = "train") -> list[Problem]:
    """The problems of a Parquet, JSONL or CSV file with the columns `nums` and `target`, in file order.

    A name such as Jiayi-Pan/Countdown-Tasks-3to4 stands for its files, those of `side` where it has splits.

    Raises DataError, naming the file and the row, for a row that cannot be used. With `check`, that includes a target
    nobody can reach, and every problem carries a solution; without, none does.
    """
    check_languages([language])
    problems = []
    for file in files_of(path, side):
        for row, numbers, target in rows(file):
            tree = find(numbers, target) if check else None
            if check and tree is None:
                listed = ", ".join(map(str, numbers))
                raise DataError(f"{file}, row {row}: {listed} cannot make {target}; correct or remove the row")
            problems.append(problem_of(numbers, target, tree, f"countdown/{file.stem}/{row}", language))
    return problems


def draw_rows(problems: Sequence[Problem], count: int, seed: int) -> list[Problem]:
    """The first `count` of `problems` shuffled by `seed`, and shuffled anew each time they run out."""
    drawn: list[Problem] = []
    for epoch in range(-(-count // len(problems))):
        order = list(problems)
        random.Random(f"countdown rows {seed} {epoch}").shuffle(order)
        drawn += order
    return drawn[:count]


def countdown(
    numbers: Sequence[int] = (3,),
    by: Literal["target", "expression"] = "target",
    *,
    largest: int = 99,
    targets: tuple[int, int] = (10, 100),
    operators: str = OPERATORS,
    min_solutions: int = 1,
    language: Language = "en",
    train: Path | str | None = None,
    test: Path | str | None = None,
    test_count: int = 500,
    test_seed: int = 0,
    rubric: Rubric | None = None,
) -> Task:
    """Countdown with generated problems, or those of a `train` or `test` file; no puzzle is in both.

    A puzzle that a `test` file holds is never trained on. Without one, the canonical split decides (see split_of).
    The test problems are at most `test_count`, and no puzzle is asked twice.
    """
    draw = partial(
        generate, numbers=tuple(numbers), by=by, largest=largest, targets=(targets[0], targets[1]), operators=operators,
        min_solutions=min_solutions, language=language,
    )  # fmt: skip
    asked: Sequence[Problem]
    given = read_rows(train, language=language) if train else None
    if test:
        asked = read_rows(test, language=language, side="test")
    elif given is not None:
        asked = [problem for problem in given if split_of(*key_of(problem)) == "test"]
    else:
        count = test_count + test_count // 8  # some come twice
        asked = _tested(count, test_seed, **draw.keywords)
    once: dict[Puzzle, Problem] = {}
    for problem in asked:
        once.setdefault(key_of(problem), problem)
    stream: Callable[[int, int], list[Problem]] = partial(draw, held_out=frozenset(once))
    if given is not None:
        stream = partial(draw_rows, _without(given, once, f"{train}"))
    return Task("countdown", stream, list(once.values())[:test_count], rubric or graded(), answer_of)


@lru_cache(16)
def _tested(count: int, seed: int, **settings: Any) -> tuple[Problem, ...]:
    """The test problems of some settings: every stage of a run asks for the same, and few that are drawn are for testing."""
    return tuple(generate(count, seed, split="test", **settings))


def _without(given: Sequence[Problem], asked: Collection[Puzzle], file: str) -> list[Problem]:
    kept = [problem for problem in given if key_of(problem) not in asked]
    if not kept or not asked:
        raise DataError(f"{file} leaves nothing to {'test' if kept else 'train'} on; give more rows, or a test file")
    return kept
