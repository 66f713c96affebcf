"""Programs of a line or two, run against hidden inputs in the jail.

    Write a Python program that reads one number and prints it times 37.
    <think></think><answer>```python
    print(int(input()) * 37)
    ```</answer>

The base model knows eight kinds of these by heart, in English, with numbers up to 20 (see PROGRAMS). FAMILIES ask in
other words, or for numbers from 21 on, where it is right now and then. What is held out is a program with its numbers,
whatever the words; programs without numbers are only trained on. COMPOSED programs do two things, of which the base
gets none right (`benchmarks/world_tasks.py`), so reinforcement cannot begin there: they are for models fine-tuned on
some.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import add, mul, sub
from typing import Any

from aha.chat import render
from aha.errors import ConfigError
from aha.models.world.general_text import KINDS, PROGRAM_QUESTION, PROGRAMS, program
from aha.rewards.code import CodeTests, StdinTest, code_of, passes_tests
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Grade, Rater, Rubric
from aha.sandbox.pool import shared_pool
from aha.tasks.base import Task
from aha.tasks.streams import Stream
from aha.types import Completion, Problem

TESTS = 3
"""Hidden inputs of a problem. Their outputs are not all the same, so no fixed output passes."""
LARGEST = 999
"""The largest number that is one token of the embedded model."""
WORDS = tuple(word for words in KINDS.values() for word in words)


def number(rng: random.Random) -> tuple[int]:
    """A whole number, perhaps negative."""
    return (rng.randint(-99, 999),)


def numbers(rng: random.Random, count: int = 2) -> tuple[int, ...]:
    """Whole numbers, perhaps negative."""
    return tuple(rng.randint(-99, 99) for _ in range(count))


def digits(rng: random.Random) -> tuple[str]:
    """A number of two to four digits, none of which gets lost when they are turned around."""
    return (str(rng.randint(1, 999) * 10 + rng.randint(1, 9)),)


def word(rng: random.Random) -> tuple[str]:
    """A word of the embedded world."""
    return (rng.choice(WORDS),)


def backwards(text: str) -> str:
    """The characters from last to first."""
    return text[::-1]


@dataclass(frozen=True, slots=True)
class Family:
    """Programs that differ in their numbers `{k}` and `{m}` only."""

    task: str
    """What the program does, as the question says it."""
    code: str
    """A program that does it."""
    reads: Callable[[random.Random], Sequence[Any]]
    """Draws what it reads, all on one line."""
    result: Callable[..., Any]
    """What it prints, from what it reads followed by k and m."""


PLUS, TIMES, MINUS = (PROGRAMS[name][1] for name in ("plus", "times", "minus"))
BACKWARDS, LENGTH = PROGRAMS["backwards"][1], PROGRAMS["length"][1]
TWO = "a, b = map(int, input().split())\n"

FAMILIES = {
    "times": Family(PROGRAMS["times"][0], TIMES, number, mul),
    "the number times": Family("reads a number and prints the number times {k}", TIMES, number, mul),
    "one plus": Family("reads one number and prints it plus {k}", PLUS, number, add),
    "one times": Family("reads one number and prints it times {k}", TIMES, number, mul),
    "one minus": Family("reads one number and prints it minus {k}", MINUS, number, sub),
    "word backwards": Family("reads a word backwards and prints it", BACKWARDS, word, backwards),
    "number backwards": Family("reads a number and prints it backwards", BACKWARDS, digits, backwards),
    "word length": Family("prints the length of a word", LENGTH, word, len),
    "number length": Family("reads a number and prints its length", LENGTH, digits, len),
}
COMPOSED = {
    "plus times": Family(
        "reads a number and prints it plus {k} times {m}", "print((int(input()) + {k}) * {m})", number,
        lambda a, k, m: (a + k) * m,
    ),
    "times plus": Family(
        "reads a number and prints it times {k} plus {m}", "print(int(input()) * {k} + {m})", number,
        lambda a, k, m: a * k + m,
    ),
    "sum plus": Family(
        "reads two numbers on one line and prints the sum plus {k}", TWO + "print(a + b + {k})", numbers,
        lambda a, b, k: a + b + k,
    ),
    "difference": Family(
        "reads two numbers on one line and prints the larger minus the smaller", TWO + "print(max(a, b) - min(a, b))",
        numbers, lambda a, b: abs(a - b),
    ),
    "sum of three": Family(
        "reads three numbers on one line and prints the sum", "a, b, c = map(int, input().split())\nprint(a + b + c)",
        partial(numbers, count=3), lambda a, b, c: a + b + c,
    ),
}  # fmt: skip


def make(rng: random.Random, families: Mapping[str, Family], constants: tuple[int, int]) -> Problem:
    """A program to write, with numbers from `constants` and hidden tests."""
    name = rng.choice(list(families))
    family = families[name]
    used = {c: rng.randint(*constants) for c in ("k", "m") if f"{{{c}}}" in family.task}
    question = PROGRAM_QUESTION.format(task=family.task.format(**used))
    code = family.code.format(**used)
    tests = hidden_tests(family, tuple(used.values()))
    answer = {"family": name, "tests": tests, "key": code if used else "", "language": "en"}
    return Problem(render(question), answer, f"<think></think><answer>{program(code)}</answer>")


@lru_cache(maxsize=4096)
def hidden_tests(family: Family, constants: tuple[int, ...]) -> CodeTests:
    """Inputs with the outputs they call for, which are computed here and never enter the jail.

    They are a function of the question, and so the same whenever it is asked.
    """
    rng = random.Random(f"programs {family.task} {constants}")
    while True:
        inputs = [family.reads(rng) for _ in range(TESTS)]
        outputs = [str(family.result(*given, *constants)) for given in inputs]
        if len(set(outputs)) > 1:
            lines = (" ".join(map(str, given)) for given in inputs)
            return CodeTests(tuple(StdinTest(f"{a}\n", f"{b}\n") for a, b in zip(lines, outputs, strict=True)))


def key_of(problem: Problem) -> str:
    """The program with its numbers, however it is worded; nothing where it has none."""
    return problem.answer["key"]


def correct(problem: Problem, group: Sequence[Completion]) -> Sequence[Grade]:
    """1 for a program that passes all hidden tests, else 0; None where the jail failed.

    Replies that are the same are run once. Raises SandboxError on a machine without a jail.
    """
    once = list({(reply.text, reply.finish): reply for reply in group}.values())
    grades = passes_tests(shared_pool())(problem, once)
    told = {(reply.text, reply.finish): grade for reply, grade in zip(once, grades, strict=True)}
    return [told[reply.text, reply.finish] for reply in group]


def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
    """The program a reply votes for, without blank lines, comment lines and spaces at line ends; else its text."""
    reply, _ = read_reply(completion)
    if reply is None:
        return None
    code = code_of(reply.answer)
    if code is None:
        return " ".join(reply.answer.split())
    lines = (line.rstrip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def short_programs(
    families: Mapping[str, Family] = FAMILIES,
    constants: tuple[int, int] = (21, 99),
    *,
    test_count: int = 500,
    test_seed: int = 0,
    rubric: Rater | None = None,
) -> Task:
    """Programs of the given families, with numbers from the lowest to the highest of `constants`.

    The test problems are few: one in ten numbers, in every wording. Raises ConfigError for no families, constants
    outside 1 to LARGEST, or a negative count.
    """
    if not families:
        raise ConfigError("families is empty: give some of FAMILIES or COMPOSED")
    if not 1 <= constants[0] <= constants[1] <= LARGEST:
        raise ConfigError(f"constants = {list(constants)}: give the lowest and the highest, from 1 to {LARGEST}")
    stream = Stream("programs", partial(make, families=families, constants=constants), key_of)
    graded = rubric or Rubric((1.0, correct), (0.1, formatted))
    return Task("programs", stream.draw, stream.test(test_count, test_seed), graded, answer_of)
