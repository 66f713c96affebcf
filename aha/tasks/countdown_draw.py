"""Draw Countdown puzzles at random, as easy or hard as asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aha.errors import ConfigError
from aha.tasks.countdown_rows import FEWEST, LARGEST, MOST
from aha.tasks.countdown_solver import OPERATORS, Value, apply, reachable, solutions

Puzzle = tuple[tuple[int, ...], int]
"""(numbers in the order they are shown, target)."""

_DRAWS, _SOLVES = 200_000, 20_000  # how long to look for one puzzle before the settings are called impossible


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What makes a puzzle hard: how many numbers, how large, which operators, and how few solutions.

    >>> Difficulty(numbers=(3, 4), by="target", largest=99, min_solutions=1)  # TinyZero's puzzles
    >>> Difficulty(numbers=(3,), by="expression", largest=20, operators="+-")  # easy ones

    `by="target"` draws numbers and target evenly and keeps what can be solved. `by="expression"` evaluates a random
    expression, which favours targets that many expressions reach, and so is easier. `operators` limits the
    expressions that puzzles are built and counted with; an answer may always use all four.
    """

    numbers: tuple[int, ...] = (3,)
    by: Literal["target", "expression"] = "target"
    largest: int = 99
    targets: tuple[int, int] = (10, 100)
    operators: str = OPERATORS
    min_solutions: int = 1

    def __post_init__(self) -> None:
        if not self.numbers or not all(FEWEST <= n <= MOST for n in self.numbers):
            raise ConfigError(f"numbers = {list(self.numbers)}: a puzzle has {FEWEST} to {MOST} numbers")
        if self.by not in ("target", "expression"):
            raise ConfigError(f"by = {self.by!r}: use 'target' or 'expression'")
        if not 1 <= self.largest <= LARGEST:
            raise ConfigError(f"largest = {self.largest}: use 1 to {LARGEST}")
        if not self.operators or set(self.operators) - set(OPERATORS):
            raise ConfigError(f"operators = {self.operators!r}: use some of {OPERATORS}")
        if not 0 <= self.targets[0] <= self.targets[1] <= LARGEST:
            raise ConfigError(f"targets = {list(self.targets)}: give the lowest and the highest, at most {LARGEST}")
        if self.min_solutions < 1:
            raise ConfigError(f"min_solutions = {self.min_solutions}: a puzzle has at least 1")


def draw_puzzle(rng: random.Random, difficulty: Difficulty, wanted: Callable[[Puzzle], bool]) -> Puzzle:
    """One solvable puzzle that is `wanted`. Raises ConfigError when the settings leave none to be found."""
    solves = 0
    for _ in range(_DRAWS):
        puzzle = _propose(rng, difficulty)
        if puzzle is None or _is_hopeless(puzzle, difficulty) or not wanted(puzzle):
            continue
        if _is_easy_enough(puzzle, difficulty):
            return puzzle
        solves += 1
        if solves == _SOLVES:
            break
    raise ConfigError(f"no puzzle found for {difficulty}; allow more numbers, operators or targets, or fewer solutions")


def _propose(rng: random.Random, difficulty: Difficulty) -> Puzzle | None:
    size = rng.choice(difficulty.numbers)
    numbers = tuple(rng.randint(1, difficulty.largest) for _ in range(size))
    low, high = difficulty.targets
    if difficulty.by == "target":
        return numbers, rng.randint(low, high)
    value = _random_value(rng, numbers, difficulty.operators)
    return (numbers, value) if isinstance(value, int) and low <= value <= high else None


def _random_value(rng: random.Random, numbers: tuple[int, ...], operators: str) -> Value | None:
    """The value of a random expression; None where it divides by zero."""
    values: list[Value] = list(numbers)
    while len(values) > 1:
        a, b = (values.pop(rng.randrange(len(values))) for _ in range(2))
        value = apply(rng.choice(operators), a, b)
        if value is None:
            return None
        values.append(value)
    return values[0]


def _is_hopeless(puzzle: Puzzle, difficulty: Difficulty) -> bool:
    """Whether nothing solves a puzzle of three numbers: told at once, as most that are drawn have no solution."""
    numbers, target = puzzle
    return difficulty.by == "target" and len(numbers) == 3 and not reachable(numbers, target, difficulty.operators)


def _is_easy_enough(puzzle: Puzzle, difficulty: Difficulty) -> bool:
    numbers, target = puzzle
    if difficulty.min_solutions == 1:
        return difficulty.by == "expression" or reachable(numbers, target, difficulty.operators)
    return len(solutions(numbers, target, difficulty.operators)) >= difficulty.min_solutions
