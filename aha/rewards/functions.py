"""Plain functions as rewards: what a function's parameters are called says what it is given.

    def is_short(text):                      one reply's text
    def correct(answer_text, target):        the text of its <answer> part, and the column `target` of the data
    def graded(problem, completion):         the records themselves
    def best_of(problem, group):             a whole group at once
    def from_trl(completions, target):       a function written for TRL's GRPOTrainer: lists, one entry a reply

A column is an entry of `problem.answer`. Whatever a function returns is read by `Rubric`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from aha.chat import parse_reply
from aha.errors import DataError
from aha.rewards.rubric import SKIPPED, Grade, GroupGrader, name_of
from aha.types import Completion, Problem

GIVEN: dict[str, Callable[[Problem, Completion], Any]] = {
    "problem": lambda problem, completion: problem,
    "completion": lambda problem, completion: completion,
    "prompt": lambda problem, completion: problem.prompt,
    "text": lambda problem, completion: completion.text,
    "thinking": lambda problem, completion: getattr(parse_reply(completion.text), "thinking", None),
    "answer_text": lambda problem, completion: getattr(parse_reply(completion.text), "answer", None),
}
"""Parameters that every reply has. The last two are None where the reply breaks the template."""


def reward_of(function: Callable[..., Any], conversational: bool = False) -> GroupGrader:
    """A function as a reward, under its own name. Raises TypeError for one that no rule above fits.

    With `conversational` a TRL function gets each completion as a list of one message, as from a chat data set.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if names[:2] == ["problem", "group"]:
        return function
    if "completions" in names or "completion_ids" in names:
        return _from_trl(function, conversational)
    if not names:
        raise TypeError(f"reward {name_of(function)!r} takes nothing, so it cannot tell replies apart")

    @wraps(function)
    def reward(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        optional = {name for name in names if parameters[name].default is not inspect.Parameter.empty}
        columns = {
            name: _column(function, problem, name)
            for name in names
            if name not in GIVEN and not (name in optional and name not in _columns(problem))
        }
        return [
            function(**columns, **{name: GIVEN[name](problem, completion) for name in names if name in GIVEN})
            for completion in group
        ]

    return _named(reward, function)


def _from_trl(function: Callable[..., Any], conversational: bool) -> GroupGrader:
    """Call a function of TRL's kind with keyword lists: prompts, completions, completion_ids and the data's columns.

    Its None says, as there, that it does not apply to a reply.
    """
    parameters = inspect.signature(function).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    @wraps(function)
    def reward(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        texts: list[Any] = [completion.text for completion in group]
        prompts: list[Any] = [problem.prompt] * len(group)
        if conversational:
            texts = [[{"role": "assistant", "content": text}] for text in texts]
            prompts = [[{"role": "user", "content": prompt}] for prompt in prompts]
        given: dict[str, Any] = {name: [value] * len(group) for name, value in _columns(problem).items()}
        given |= {"prompts": prompts, "completions": texts, "completion_ids": [list(c.token_ids) for c in group]}
        for name, p in parameters.items():
            required = p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            if required and name not in given:
                _column(function, problem, name)
        found = function(**{name: value for name, value in given.items() if takes_all or name in parameters})
        found = asyncio.run(found) if inspect.iscoroutine(found) else found
        return [SKIPPED if value is None else value for value in found] if isinstance(found, list | tuple) else found

    return _named(reward, function)


def _named(reward: Any, function: Callable[..., Any]) -> GroupGrader:
    """The reward under its function's name, which an object that can be called has from its class."""
    reward.__name__ = reward.__qualname__ = name_of(function)
    return reward  # type: ignore[no-any-return]


def _columns(problem: Problem) -> dict[str, Any]:
    return problem.answer if isinstance(problem.answer, dict) else {}


def _column(function: Callable[..., Any], problem: Problem, name: str) -> Any:
    columns = _columns(problem)
    if name not in columns:
        have = ", ".join(columns) or "none"
        raise DataError(
            f"reward {name_of(function)!r} asks for the column {name!r}, which problem {problem.id or problem.prompt[:40]!r} "
            f"lacks; it has: {have}"
        )
    return columns[name]
