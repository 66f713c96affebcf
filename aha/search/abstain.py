"""Saying that one does not know: an answer of its own, neither wrong nor missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from aha.chat import parse_reply
from aha.search.draft import in_language
from aha.search.types import Candidate, Event, Solved, Watch
from aha.types import Completion

WITHHELD = "I do not know"
"""The answer of a `Solved` whose answer is held back."""
SAID = {"en": "I do not know.", "zh": "我不知道。"}

_ABSTAINS = re.compile(
    r"\bI (?:do not|don['’]t|cannot|can['’]t) (?:know|say|tell)\b|我?(?:不知道|无法回答|不清楚)", re.IGNORECASE
)

S = TypeVar("S", bound=Solved)


def abstains(reply: Completion) -> bool:
    """Whether a whole reply's answer says that it does not know."""
    read = parse_reply(reply.text) if reply.finish == "stop" else None
    return read is not None and bool(_ABSTAINS.search(read.answer))


def withheld(solved: S) -> S:
    """The same problem, answered with "I do not know" in its language. What was considered and spent stays."""
    text = f"<think></think><answer>{in_language(solved.problem, SAID)}</answer>"
    return replace(solved, answer=WITHHELD, chosen=Candidate(Completion(text), WITHHELD))


def held_back(watch: Watch) -> Watch:
    """A watch that does not hear the answers of an inner strategy, which may yet be withheld."""

    def quiet(event: Event) -> None:
        if event["kind"] != "answer":
            watch(event)

    return quiet


def screened(solved: list[Solved], stands: Callable[[int, Solved], bool], watch: Watch) -> list[Solved]:
    """Each answer that stands, told to the watch; the others withheld. No answer stays no answer."""
    told = []
    for i, one in enumerate(solved):
        kept = one if one.answer in (None, WITHHELD) or stands(i, one) else withheld(one)
        watch({"problem": i, "kind": "answer", "answer": kept.answer, "votes": kept.votes})
        told.append(kept)
    return told
