"""How a reply splits into steps, and how the scores of steps become one.

    <think>44 - 19 = 25, 35 + 25 = 60 no
    44 + 19 = 63, 63 + 35 = 98 yes
    </think><answer>(44 + 19) + 35</answer>

are three steps: each line of the thought with its line end, and the closing of the thought with the answer. Blank lines
belong to the line before them. Joined steps equal the reply, by characters and by tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import fmean

from aha.chat import THINK_END, Chat

_LINE = re.compile(r"\n*[^\n]+\n*|\n+")


def split(reply: str) -> list[str]:
    """The steps of a reply, or of its beginning. An empty reply has none."""
    at = reply.find(THINK_END)
    thought, closing = (reply, "") if at < 0 else (reply[:at], reply[at:])
    return _LINE.findall(thought) + ([closing] if closing else [])


def split_ids(chat: Chat, ids: Sequence[int]) -> list[list[int]]:
    """The steps of a reply by its tokens. A token that holds a line end belongs to the line it ends, whole."""
    texts = chat.decode_batch([[i] for i in ids])
    close = "".join(texts).find(THINK_END)
    steps, at, before, said = list[list[int]](), 0, "", False
    for i, text in zip(ids, texts, strict=True):
        closes = at <= close < at + len(text)
        line_over = said and "\n" in before and text != "" and text[0] != "\n" and not 0 <= close < at
        if not steps or closes or line_over:
            steps.append([])
            said = False
        steps[-1].append(i)
        at, before, said = at + len(text), text, said or text.strip("\n") != ""
    return steps


@lru_cache(maxsize=4)
def line_ends(chat: Chat) -> tuple[int, ...]:
    """The tokens that hold a line end: a step that is being drawn is over with one of them."""
    texts = chat.decode_batch([[i] for i in range(len(chat))])
    return tuple(i for i, text in enumerate(texts) if "\n" in text)


Aggregate = Callable[[Sequence[float]], float]
"""One score of several, 0 of none: what has not begun has earned nothing."""


def last(scores: Sequence[float]) -> float:
    """The score after the last (arXiv 2408.03314: the best for models trained on Monte-Carlo labels)."""
    return scores[-1] if scores else 0.0


def least(scores: Sequence[float]) -> float:
    """The smallest: a chain is as strong as its weakest link (arXiv 2312.08935, section 3.4)."""
    return min(scores, default=0.0)


def product(scores: Sequence[float]) -> float:
    """All multiplied: the chance that every step is right, if the chances were independent (arXiv 2305.20050, 2.6)."""
    return math.prod(scores) if scores else 0.0


def mean(scores: Sequence[float]) -> float:
    """Their mean."""
    return fmean(scores) if scores else 0.0


AGGREGATES: dict[str, Aggregate] = {"last": last, "min": least, "product": product, "mean": mean}
