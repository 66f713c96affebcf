"""Whether a reply follows the template: R1-Zero's format reward, as 0 or 1.

The rule, clause by clause: one thinking block, then one answer block, nothing before, between or after them but white
space; the answer is not blank, also not with characters that print nothing; neither block holds a tag of either kind,
however it is spelt. The thinking may be empty: that is how a reply to a trivial question is written (arXiv 2501.12948,
section 2.3.3). The form in which a model judges as well is `aha.rewards.judge.well_placed`.
"""

from __future__ import annotations

import re
import unicodedata

from aha.chat import ANSWER, Reply, parse_reply
from aha.rewards.rubric import Grade, each
from aha.types import Completion, Problem

_UNPRINTED = {"Cc", "Cf", "Cn", "Co", "Cs"}
_FILLER = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Letters, marks and symbols that print nothing: fillers, joiners, variation selectors, the empty Braille cell."""

_TAG_LIKE = re.compile(r"<\s*+/?\s*+(?:think|answer)\b[^<>]*+>", re.IGNORECASE)


def visible(text: str) -> str:
    """The text without characters that print nothing. White space stays."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in _FILLER.sub("", text) if c.isspace() or unicodedata.category(c) not in _UNPRINTED)


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
    return (reply, "") if visible(reply.answer).strip() else (None, "no answer")


@each
def formatted(problem: Problem, completion: Completion) -> Grade:
    """Exactly one <think> block, then exactly one <answer> block that is not blank, and nothing else."""
    reply, reason = read_reply(completion)
    if reply is None:
        return 0.0, reason
    tags = _TAG_LIKE.findall(unicodedata.normalize("NFKC", visible(completion.text)))
    return 1.0 if len(tags) == 4 else (0.0, "bad format")
