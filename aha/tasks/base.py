"""What a task is: problems to train on, problems to test on, and how replies to them are graded."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from aha.rewards.rubric import Rater
from aha.types import Completion, Problem


@dataclass(frozen=True)
class Task:
    """Problems and their rubric, under one name.

    >>> task = countdown(numbers=(3,))
    >>> scores = task.rubric(problem, group)
    """

    name: str
    draw: Callable[[int, int], list[Problem]]
    """`draw(count, seed)`: the first `count` training problems of the stream `seed`; a longer draw begins the same."""
    test: Sequence[Problem]
    """Problems that `draw` never returns."""
    rubric: Rater
    answer_of: Callable[[Problem, Completion], Hashable | None]
    """The answer a reply votes for, equal for replies that say the same; None where it has no answer. It must not
    look at what only the grader knows."""
