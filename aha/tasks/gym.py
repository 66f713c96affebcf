"""Tasks of reasoning-gym: endless questions, each graded by the task's own verifier.

    gym("gym:leg_counting", 100)
    gym("gym:chain_sum:min_terms=2,max_terms=3", 100)    # with settings of the task's own

The verifier's score, from 0 to 1, is the reward; `correct`, which is only watched, is whether it is 1. A verifier that fails
grades nobody: None, not 0. It runs in a process that can reach nothing (`gym_worker`), since some evaluate what they are
given, and those are given plain answers only (`gym_plain`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any

from aha.chat import render
from aha.errors import ConfigError, DataError
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Grade, Rubric
from aha.tasks.base import Task
from aha.tasks.benchmarks import TAGGED
from aha.tasks.gym_plain import is_plain
from aha.tasks.gym_worker import WorkerDied, shared_worker
from aha.tasks.mixture import part_seed
from aha.types import Completion, Problem

LONGEST = 10_000
"""Characters of an answer that a verifier is asked about."""
_TRIES = 50


def gym(name: str, test_count: int, wording: str = "", weight: float = 0.1, plain: bool = False) -> Task:
    """The task of a name such as gym:leg_counting; `weight` is that of the template. No test question is trained on.

    Raises ConfigError for a task or a setting that reasoning-gym does not know, and AhaError where it is missing.
    """
    task, options = parsed(name)
    text = wording or TAGGED
    if "{question}" not in text:
        raise ConfigError(f"the wording {wording[:60]!r} does not hold {{question}}, where the question goes")

    def at(split: str, seed: int, i: int) -> Problem:
        spec = {"task": task, "options": options, "seed": part_seed(f"{task} {split} {i}", seed)}
        made = _made(name, spec)
        asked = text.replace("{question}", made["question"].strip())
        answer = {"gym": spec, "answer": made["answer"], "language": "en"}
        return Problem(asked if plain else render(asked), answer, None, f"{task}/{split}/{seed}/{i}")

    test = list({problem.prompt: problem for problem in (at("test", 0, i) for i in range(test_count))}.values())
    asked = {problem.prompt for problem in test}

    def other(seed: int, i: int) -> Problem:
        """The first of some problems that is no test question."""
        for n in range(_TRIES):
            problem = at("train", seed, i + n * 1_000_003)
            if problem.prompt not in asked:
                return problem
        raise DataError(f"{name} makes so few questions that all are test questions; ask for fewer with test_count")

    def draw(count: int, seed: int) -> list[Problem]:
        return [other(seed, i) for i in range(count)]

    return Task(task, draw, test, Rubric((1.0, verified), (0.0, correct), (weight, formatted)), answer_of)


def parsed(name: str) -> tuple[str, dict[str, Any]]:
    """The task and its settings. Raises ConfigError."""
    task, _, told = name.removeprefix("gym:").partition(":")
    try:
        options = {key: value for part in filter(None, told.split(",")) for key, value in tomllib.loads(part).items()}
    except tomllib.TOMLDecodeError:
        raise ConfigError(f"{name}: settings stand like gym:chain_sum:min_terms=2,max_terms=3") from None
    return task, options


def _made(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    try:
        made = shared_worker().ask(spec)
    except WorkerDied as died:
        raise DataError(f"{name}: no question was made: {died}") from None
    if "error" in made:
        raise ConfigError(f"{name}: reasoning-gym says: {made['error']}")
    return made


def verified(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
    """The score of the task's own verifier, from 0 to 1; None where it fails."""
    return [_scored(problem, completion) for completion in group]


def correct(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
    """1 where the verifier's score is 1."""
    scores = [_scored(problem, completion) for completion in group]
    return [(None if value is None else float(value >= 1), reason) for value, reason in scores]


def _scored(problem: Problem, completion: Completion) -> tuple[float | None, str]:
    reply, reason = read_reply(completion)
    if reply is None:
        return 0.0, reason
    if len(reply.answer) > LONGEST:
        return 0.0, "too long"
    if not is_plain(problem.answer["gym"]["task"], reply.answer):
        return 0.0, "a program, not an answer"
    spec = problem.answer["gym"]
    value, reason = _score(spec["task"], tuple(sorted(spec["options"].items())), spec["seed"], reply.answer)
    return value, reason


@lru_cache(maxsize=4096)
def _score(task: str, options: tuple[tuple[str, Any], ...], seed: int, answer: str) -> tuple[float | None, str]:
    try:
        told = shared_worker().ask({"task": task, "options": dict(options), "seed": seed, "answer": answer})
    except WorkerDied as died:
        return None, f"verifier failed: {died}"
    if "error" in told:
        return None, f"verifier failed: {told['error']}"
    value = float(told["score"])
    if not 0 <= value <= 1:
        return None, f"verifier failed: a score of {value}"
    return value, "" if value >= 1 else "wrong"


def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
    """What a reply votes for: its answer without doubled spaces."""
    reply, _ = read_reply(completion)
    return " ".join(reply.answer.split()) if reply else None


def reference_reply(problem: Problem) -> str:
    """A reply that states the answer that reasoning-gym gives."""
    return f"<think>\n</think><answer>{problem.answer['answer']}</answer>"
