"""Short answers in words, such as names: right when they are one of the references, but for case, accents and articles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable

from aha.rewards.format import read_reply
from aha.rewards.rubric import Grade, each
from aha.types import Completion, Problem

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def bare(text: str) -> str:
    """A short answer without case, accents, punctuation, articles and doubled spaces (SQuAD's rule, arXiv 1606.05250)."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    words = "".join(c if c.isalnum() or c.isspace() else " " for c in plain)
    return " ".join(_ARTICLE.sub(" ", words).split())


def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
    """What a reply votes for: its conclusion, bare."""
    reply, _ = read_reply(completion)
    return (bare(reply.conclusion) or None) if reply else None


@each
def correct(problem: Problem, completion: Completion) -> Grade:
    """1 if the conclusion is one of the answers, bare; an answer in the middle of other words is none."""
    reply, reason = read_reply(completion)
    if reply is None:
        return 0.0, reason
    known = {bare(answer) for answer in problem.answer["answers"]} - {""}
    return 1.0 if bare(reply.conclusion) in known else (0.0, "wrong")
