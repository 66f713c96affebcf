"""Replies as a process model reads them: the tokens of a prompt and of all steps, and where each step ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BATCH_TOKENS = 16_384
"""Tokens read at once."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tokens of a prompt and a reply, and where each step of the reply ends: the position after its last token."""

    ids: list[int]
    start: int
    """Where the first step begins."""
    ends: list[int]

    @property
    def before_last(self) -> int:
        """Where the last step begins: what comes earlier is shared with other ways to go on."""
        return self.ends[-2] if len(self.ends) > 1 else self.start

    def spans(self) -> list[range]:
        """The positions of each step's tokens."""
        return [range(begin, end) for begin, end in zip([self.start, *self.ends], self.ends, strict=False)]


def reading_of(prompt_ids: Sequence[int], steps: Sequence[Sequence[int]], longest: int | None = None) -> Reading:
    """A prompt and as many whole steps as stay within `longest` tokens."""
    ids, ends = list(prompt_ids), list[int]()
    for step in steps:
        if longest is not None and len(ids) + len(step) > longest:
            break
        ids += step
        ends.append(len(ids))
    return Reading(ids, len(prompt_ids), ends)


def parts(readings: Sequence[Reading]) -> Iterator[list[int]]:
    """The readings' indices in batches of at most BATCH_TOKENS tokens to compute; those that share a beginning together."""
    order = sorted(range(len(readings)), key=lambda i: (readings[i].before_last, readings[i].ids))
    part, held = list[int](), 0
    for i, cost in zip(order, _costs([readings[i] for i in order]), strict=True):
        if part and held + cost > BATCH_TOKENS:
            yield part
            part, held = [], 0
        part.append(i)
        held += cost if held else len(readings[i].ids)
    if part:
        yield part


def _costs(readings: Sequence[Reading]) -> list[int]:
    """Tokens computed for each of readings that are computed together: the first of those that share a beginning pays for it."""
    seen, costs = set[tuple[int, ...]](), list[int]()
    for r in readings:
        begin = tuple(r.ids[: r.before_last])
        costs.append(len(r.ids) - (len(begin) if begin in seen else 0))
        seen.add(begin)
    return costs
