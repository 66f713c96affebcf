"""Equal prompts in calls of their own.

The noise of a reply depends on which of a call's equal prompts it answers. Where a strategy writes its own prompts, those of
two problems may come out equal, and in one call one problem's answer would depend on the other's being asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def apart(prompts: Sequence[str]) -> list[list[int]]:
    """Indices of prompts, dealt out to as few calls as can be such that no call has a prompt twice.

    >>> apart(["a", "b", "a", "a"])
    [[0, 1], [2], [3]]
    """
    seen, calls = Counter[str](), list[list[int]]()
    for i, prompt in enumerate(prompts):
        if seen[prompt] == len(calls):
            calls.append([])
        calls[seen[prompt]].append(i)
        seen[prompt] += 1
    return calls
