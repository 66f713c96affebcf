r"""Find the final answer in a reply: what the last `\boxed{...}` or `<answer>` after the thinking holds.

    find_answer(r"<think>2 or 3?</think> So it is $\boxed{3}$.")  ->  Found("3", "box"), ""

Nothing before the last `</think>` is looked at. Boxes with only commas, "and" or "or" between them are one answer
that lists several. Time is linear in the reply. Lenient extraction also reads damaged tags, "the answer is ...", and
as a last resort the last number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aha.chat import ANSWER, ANSWER_END, THINK, THINK_END


@dataclass(frozen=True, slots=True)
class Found:
    """The text of an answer and where it stood: "answer tag", "box", "phrase" or "last number"."""

    text: str
    where: str


def find_answer(reply: str, lenient: bool = False) -> tuple[Found | None, str]:
    """The final answer, or None and why there is none: "no answer", "bad format" or "nested box"."""
    if THINK_END in reply:
        if not lenient and (reply.count(THINK_END) > 1 or reply.count(THINK) > 1):
            return None, "bad format"
        reply = reply.rpartition(THINK_END)[2]
    elif THINK in reply:
        return None, "no answer"
    inside, reason = _tagged(reply, lenient)
    if reason:
        return None, reason
    found, reason = _boxed(reply if inside is None else inside, lenient)
    if reason:
        return None, reason
    if found is None and inside is not None:
        found = inside.strip()
    if found:
        return Found(found, "box" if inside is None else "answer tag"), ""
    return _loose(reply) if lenient and inside is None else (None, "no answer")


def _tagged(reply: str, lenient: bool) -> tuple[str | None, str]:
    """What the answer tag holds, None without one. Strictly there is one, closed, with only space behind it."""
    opened, closed = reply.count(ANSWER), reply.count(ANSWER_END)
    if not opened and not closed:
        return None, ""
    if lenient:
        return reply.rpartition(ANSWER)[2].partition(ANSWER_END)[0], ""
    start, end = reply.find(ANSWER) + len(ANSWER), reply.find(ANSWER_END)
    if opened != 1 or closed != 1 or end < start or reply[end + len(ANSWER_END) :].strip():
        return None, "bad format"
    return reply[start:end], ""


_BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\[{}\\]|[{}]")
_JOINT = re.compile(
    r"[\s$.,;]*(?:\\(?:[()\[\] ,;]|q?quad\b)|[\s$.,;]|\\text\{\s*,?\s*(?:and|or)\s*\}|and\b|or\b|[或和与、，])*[\s$.,;]*"
)
MAX_JOINT = 40
MAX_SEARCHED = 20_000
"""Characters at the end of a reply in which an answer without a tag is looked for."""


def _boxed(text: str, lenient: bool) -> tuple[str | None, str]:
    """What the last box holds, joined with the boxes listed just before it."""
    text = text[-MAX_SEARCHED:]
    boxes, open_box = _boxes(text)
    if open_box and not lenient:
        return None, "bad format"
    if not boxes:
        bare = re.match(r"[\s{]*([^\s$}]+)", text[text.rfind("\\boxed") + 6 :][:200]) if "\\boxed" in text else None
        return (bare[1].rstrip(".,") if bare and lenient else None), ""
    start, end, nested = boxes[-1]
    if nested and not lenient:
        return None, "nested box"
    listed = [_inside(text[start:end])]
    for (first, last, _), (following, *_) in zip(boxes[-2::-1], boxes[:0:-1], strict=True):
        between = text[last + 1 : following]
        command = between.rfind("\\")
        if command > MAX_JOINT or not _JOINT.fullmatch(between[:command]):
            break
        if _inside(text[first:last]) != listed[-1]:
            listed.append(_inside(text[first:last]))
    return ", ".join(reversed(listed)) if any(listed) else None, ""


def _inside(text: str) -> str:
    """A box inside a box is the same box."""
    match = re.fullmatch(r"\s*\\(?:boxed|fbox)\s*\{(.*)\}\s*", text, re.DOTALL)
    return (match[1] if match else text).strip()


def _boxes(text: str) -> tuple[list[tuple[int, int, bool]], bool]:
    """(start, end, whether it holds another) of what each outermost box holds; whether the last one never closes."""
    boxes: list[tuple[int, int, bool]] = []
    depth, start, nested = 0, -1, False
    for match in _BRACE.finditer(text):
        token = match[0]
        if token[0] == "\\" and len(token) == 2:
            continue
        if token == "}":
            depth -= 1
            if start >= 0 and depth == 0:
                boxes.append((start, match.start(), nested))
                start = -1
            continue
        if len(token) > 1 and start < 0:
            start, depth, nested = match.end(), 0, False  # braces opened before a box are none of its business
        elif len(token) > 1:
            nested = True
        depth += 1
    return boxes, start >= 0


_PHRASE = re.compile(r"(?:answer|result)(?:\s+is|\s*:|\s+are|\s*=)[\s:*]*", re.IGNORECASE)
_HASHES = re.compile(r"####\s*")
_NUMBER = re.compile(r"[-−]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?")


def _loose(reply: str) -> tuple[Found | None, str]:
    reply = reply[-MAX_SEARCHED:]
    for pattern in (_HASHES, _PHRASE):
        starts = [match.end() for match in pattern.finditer(reply)]
        if starts:
            line = reply[starts[-1] :].strip().split("\n")[0]
            text = re.split(r"(?<=[^\d])\.(?:\s|$)|\.\s|\.$", line)[0].strip()
            if text:
                return Found(text, "phrase"), ""
    numbers = _NUMBER.findall(reply)
    return (Found(numbers[-1].rstrip(","), "last number"), "") if numbers else (None, "no answer")
