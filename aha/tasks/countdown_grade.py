"""Grade Countdown replies, and say which answer a reply votes for.

Answers are evaluated exactly, so there is no rounding to exploit, and no text is ever executed. Unlike TinyZero's
reward, these read the whole reply by the template and not its last line, so the prompt's example copied after the
answer, or a tag inside the thinking, earns nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable

from aha.expressions import NotArithmetic, evaluate
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Grade, Rubric, each
from aha.types import Completion, Problem

_CLAIM = re.compile(r"([^=]*)=\s*(-?[0-9]{1,12})\s*")


def _expression(problem: Problem, answer: str) -> str:
    """The answer without a trailing `= target`. Any other equation stays whole, and so is not arithmetic."""
    claim = _CLAIM.fullmatch(answer)
    return claim[1] if claim and int(claim[2]) == problem.answer["target"] else answer


def _shortfall(problem: Problem, completion: Completion) -> str:
    """Why a reply is not right; empty when it is."""
    reply, reason = read_reply(completion)
    if reply is None:
        return reason
    try:
        value, used = evaluate(_expression(problem, reply.conclusion))
    except NotArithmetic:
        return "not arithmetic"
    if sorted(used) != sorted(problem.answer["numbers"]):
        return "wrong numbers"
    return "" if value == problem.answer["target"] else "wrong value"


@each
def correct(problem: Problem, completion: Completion) -> Grade:
    """1 for an expression that uses each number exactly once and equals the target exactly, else 0."""
    reason = _shortfall(problem, completion)
    return (0.0, reason) if reason else 1.0


@each
def tinyzero(problem: Problem, completion: Completion) -> Grade:
    """TinyZero's tiers: 1 for a right answer, 0.1 for any other answer, 0 for none."""
    reason = _shortfall(problem, completion)
    if not reason:
        return 1.0
    return (0.0 if reason in ("cut off", "no answer", "bad format") else 0.1), reason


def graded() -> Rubric:
    """A right answer, and a little for the template. The default."""
    return Rubric((1.0, correct), (0.1, formatted))


def binary() -> Rubric:
    """A right answer and nothing else; the format is watched."""
    return Rubric((1.0, correct), (0.0, formatted))


def tiered() -> Rubric:
    """TinyZero's reward; what is right and whether it is in the format are watched beside it."""
    return Rubric((1.0, tinyzero), (0.0, correct), (0.0, formatted))


RUBRICS: dict[str, Callable[[], Rubric]] = {"graded": graded, "binary": binary, "tiered": tiered}


def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
    """The answer a reply votes for, as (text, whether it is an expression over exactly the given numbers).

    Two different expressions are one answer when they have the same value, so the votes of expressions that use each
    given number exactly once are pooled by their exact value, right or wrong. Every other answer is pooled by its
    literal text without spaces. Whether the value is the target is not looked at: the question states the target, so
    anyone could check, but then it would be a verifier that chooses and not a majority. A reply that is cut off or
    strays from the template casts no vote.
    """
    reply, _ = read_reply(completion)
    if reply is None:
        return None
    try:
        value, used = evaluate(_expression(problem, reply.conclusion))
    except NotArithmetic:
        used = []
    if sorted(used) == sorted(problem.answer["numbers"]):
        return str(value), True
    return "".join(reply.conclusion.split()), False
