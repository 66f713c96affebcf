"""Which samples are good enough to learn from, and why the others are not (arXiv 2501.12948, sections 2.3.1, 2.3.3)."""

from __future__ import annotations

from aha.chat import Reply, parse_reply
from aha.language import share_in
from aha.tasks.overlap import contaminated, known_runs, ngrams
from aha.types import Completion, Problem, Score

__all__ = ["contaminated", "is_readable", "known_runs", "ngrams", "thinks", "unreadable", "wrong"]


def wrong(score: Score) -> str:
    """Why a reply is no right one, or nothing."""
    right = score.parts.get("correct", score.parts.get("judged_correct"))
    if right is None or score.total is None:
        return "grader failed"
    return "" if right >= 1 else score.reason or "wrong"


def unreadable(problem: Problem, reply: Reply, share: float = 0.5) -> str:
    """Why a reply does not read well, or nothing: it repeats itself or mixes languages.

    `share` is how much of the thinking's lines may say what an earlier line said.
    """
    lines = [line.strip() for line in reply.thinking.splitlines() if line.strip()]
    if len(lines) >= 4 and 1 - len(set(lines)) / len(lines) > share:
        return "repeats itself"
    if (spoken := share_in(reply.thinking, problem.answer["language"])) is not None and spoken < 1:
        return "mixed languages"
    return ""


def thinks(problem: Problem, reply: Reply) -> bool:
    """Whether a reply reasons as its task asks for: a sum is worked out, not guessed. Short programs and choices may
    be answered at once.
    """
    return "=" in reply.thinking if problem.id.startswith(("countdown/", "arithmetic/")) else True


def is_readable(problem: Problem, completion: Completion) -> bool:
    """The measure of readability: whole, in one language, without repetition, and with a summary in words."""
    reply = parse_reply(completion.text)
    if reply is None or completion.finish == "length" or unreadable(problem, reply, share=0.25):
        return False
    return bool(share_in(reply.answer, problem.answer["language"]))
