"""The embedded world as tasks: what is trained on, what is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pydantic import Field

from aha.config import Settings
from aha.rewards.language import in_own_language
from aha.rewards.rubric import Added, GroupGrader, Rubric
from aha.tasks.arithmetic import arithmetic
from aha.tasks.base import Task
from aha.tasks.choices import choices
from aha.tasks.countdown import Language, countdown
from aha.tasks.general import DOMAINS, general
from aha.tasks.mixture import mixture
from aha.tasks.short_programs import short_programs
from aha.types import Problem


class World(Settings):
    """How often each task of the embedded world is asked; shares need not sum to one."""

    countdown: float = Field(0.6, ge=0)
    """Countdown."""
    arithmetic: float = Field(0.2, ge=0)
    """Chains of sums."""
    programs: float = Field(0.1, ge=0)
    """Short programs, judged in the jail."""
    choice: float = Field(0.1, ge=0)
    """Multiple choice."""
    chinese: float = Field(0.3, ge=0, le=1)
    """Share of Countdown questions in Chinese; the other tasks ask in both languages by themselves."""
    numbers: list[int] = [3]
    """How many numbers a Countdown puzzle has."""


def parts(world: World) -> dict[str, tuple[float, Task]]:
    """The tasks with a rule that grades them, each with its share."""
    told = {
        "countdown-en": (world.countdown * (1 - world.chinese), _countdown(tuple(world.numbers), "en", 200)),
        "countdown-zh": (world.countdown * world.chinese, _countdown(tuple(world.numbers), "zh", 200)),
        "arithmetic": (world.arithmetic, arithmetic()),
        "programs": (world.programs, short_programs()),
        "choice": (world.choice, choices()),
    }
    return {name: part for name, part in told.items() if part[0] > 0}


@cache
def _countdown(numbers: tuple[int, ...], language: Language, questions: int) -> Task:
    """Countdown; held-out puzzles take a while to find, so they are looked for once."""
    return countdown(numbers, language=language, test_count=questions)


def reasoning(world: World) -> Task:
    """All of them as one."""
    return mixture(parts(world))


def with_general(world: World, share: float, task: Task) -> Task:
    """The reasoning tasks with `task`, of general prompts, as `share` of the whole."""
    reasoned = {name: (weight * (1 - share), part) for name, (weight, part) in parts(world).items()}
    whole = sum(weight for weight, _ in reasoned.values()) / (1 - share)
    return mixture(reasoned | {"general": (whole * share, task)})


def with_reward(task: Task, weight: float, reward: GroupGrader) -> Task:
    """The task with one more reward; weight 0 only watches it."""
    return replace(task, rubric=Added(task.rubric, Rubric((weight, reward))))


def in_one_language(task: Task, weight: float) -> Task:
    """The task with the language-consistency reward of R1 (section 2.3.2), added directly to the others."""
    return with_reward(task, weight, in_own_language)


@dataclass(frozen=True)
class Exam:
    """One column of the stage table: problems never trained on, and how they are graded."""

    name: str
    task: Task
    problems: Sequence[Problem]


@cache
def exams(questions: int) -> list[Exam]:
    """Every evaluation of the embedded world, with at most `questions` problems each."""
    tasks: Mapping[str, Task] = {
        "countdown, 3 numbers": _countdown((3,), "en", questions),
        "countdown, 4 numbers": _countdown((4,), "en", questions),
        "countdown in Chinese": _countdown((3,), "zh", questions),
        "arithmetic": arithmetic(),
        "programs": short_programs(),
        "choice": choices(),
    }
    told = [Exam(name, task, task.test[:questions]) for name, task in tasks.items()]
    others = general()
    for domain in DOMAINS:
        asked = [problem for problem in others.test if problem.answer["domain"] == domain]
        told.append(Exam(domain, others, asked[:questions]))
    return told
