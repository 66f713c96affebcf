"""Whether a reply follows the template: R1-Zero's format reward, as 0 or 1."""

from __future__ import annotations

from aha.chat import ANSWER, Reply, parse_reply
from aha.rewards.rubric import Grade, each
from aha.types import Completion, Problem


def read_reply(completion: Completion) -> tuple[Reply | None, str]:
    """The two parts of a reply, or None and the reason there is no answer to grade.

    The reasons are "cut off" (it ran out of tokens, so even a closed answer is not final), "no answer" and
    "bad format" (there is an answer tag, but the template is broken).
    """
    if completion.finish == "length":
        return None, "cut off"
    reply = parse_reply(completion.text)
    if reply is None:
        return None, "bad format" if ANSWER in completion.text else "no answer"
    return (reply, "") if reply.answer else (None, "no answer")


@each
def formatted(problem: Problem, completion: Completion) -> Grade:
    """Exactly one <think> block, then exactly one <answer> block that is not blank, and nothing else."""
    reply, reason = read_reply(completion)
    return (0.0, reason) if reply is None else 1.0
