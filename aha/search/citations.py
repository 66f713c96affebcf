"""Passages as a prompt shows them, and the citations of a reply as they are read back.

    [1] The capital of France is Paris.
    [2] Paris is the capital of France.
    Answer from these passages, and end each sentence with the number of the passage that says so, as [1]. ...
    Which city is the capital of France?

A passage is foreign text: it stands on one line, so that it cannot pass for the template or for another passage, and
nothing in it is a special token or looks like a citation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aha.chat import parse_reply
from aha.rewards.judge_prompts import quote
from aha.search.passages import Passage
from aha.types import Completion

ASK = {
    "en": "Answer from these passages, and end each sentence with the number of the passage that says so, as [1]. "
    "If none does, answer: I do not know.",
    "zh": "请根据以上资料回答，每句话末尾注明出处的编号，如 [1]。资料里没有的，请回答：我不知道。",
}

Verdict = Literal["supported", "unsupported", "uncited", "nonexistent", "unchecked"]
"""What became of a claim: a passage it cites says so; none of them does; it cites none; it cites only passages that do not
exist; or the check itself failed, which is not the claim's fault."""

_MARK = re.compile(
    r"[\[【]\s*(?:citation\s*[:：]\s*)?(\d{1,4}(?:\s*[,，、]\s*\d{1,4})*)\s*[\]】]", re.IGNORECASE | re.ASCII
)
_AFTER_STOP = re.compile(rf"([.!?。！？]+)((?:\s*{_MARK.pattern})+)", re.IGNORECASE | re.ASCII)
_BREAK = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer without its marks, and the passages it cites."""

    text: str
    cited: tuple[int, ...] = ()
    """Numbers of passages that exist, from 1."""
    phantoms: tuple[int, ...] = ()
    """Numbers of passages that do not."""
    verdict: Verdict = "uncited"


def numbered(passages: Sequence[Passage], language: str, question: str) -> str:
    """A question with passages before it and the request to cite them; the question alone where there are none."""
    if not passages:
        return question
    listed = [f"[{number}] {inert(passage.text)}" for number, passage in enumerate(passages, 1)]
    return "\n".join([*listed, ASK[language], question])


def inert(text: str) -> str:
    """A foreign text on one line, without special tokens and marks of citation."""
    line = _MARK.sub(r"(\1)", " ".join(text.split()))
    return quote(line, "\0", len(line) + 1).removeprefix("> ")


def claims_of(text: str, passages: int) -> list[Claim]:
    """The claims of an answer to which so many passages were shown: its sentences, each with the marks that end it.

    A mark may stand before or after the full stop. What has no letter or digit is no claim; its marks belong to the one
    before.
    """
    found: list[Claim] = []
    for sentence in _BREAK.split(_AFTER_STOP.sub(r"\2\1 ", text)):
        numbers = [int(n) for listed in _MARK.findall(sentence) for n in re.findall(r"[0-9]+", listed)]
        bare = unmarked(sentence)
        if any(c.isalnum() for c in bare):
            found.append(_claim(bare, numbers, passages))
        elif numbers and found:
            last = found.pop()
            found.append(_claim(last.text, [*last.cited, *last.phantoms, *numbers], passages))
    return found


def _claim(text: str, numbers: Sequence[int], passages: int) -> Claim:
    known = tuple(dict.fromkeys(n for n in numbers if 1 <= n <= passages))
    phantoms = tuple(dict.fromkeys(n for n in numbers if n not in known))
    return Claim(text, known, phantoms, "unchecked" if known else "nonexistent" if phantoms else "uncited")


def unmarked(text: str) -> str:
    """A text without its marks of citation."""
    return re.sub(r"\s+(?=[.!?。！？,，])", "", " ".join(_MARK.sub(" ", text).split()))


def uncited(reply: Completion) -> Completion:
    """A reply as its grader reads it: without the marks in its answer. Its tokens stay what was drawn."""
    read = parse_reply(reply.text)
    if read is None or not _MARK.search(read.answer):
        return reply
    before, tag, answer = reply.text.rpartition("<answer>")
    lines = "\n".join(unmarked(line) for line in answer.removesuffix("</answer>").splitlines())
    return replace(reply, text=f"{before}{tag}{lines}</answer>")
