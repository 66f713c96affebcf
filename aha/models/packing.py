"""Rows of tokens packed so that what several begin with is computed once.

    packed = pack([[1, 2, 3, 4], [1, 2, 3, 5, 6]], shared=[3, 3])      # 3 + 1 + 2 tokens instead of 4 + 5
    hidden_ME = model.hidden_packed(packed.ids_M, packed.at_M, packed.stretches)

Shapes: M packed tokens, P distinct beginnings, B rows, S positions of a row, U positions that ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from aha.models.attention import Stretch

SIMILAR = 0.7
"""Rows share a stretch while the shortest has this share of the longest's length: what attention may pad."""
NEAR = 32
"""... and while their beginnings differ by no more tokens than this."""
ROUND = 256
"""Packed tokens are a multiple of this: matrix products of a size not seen before take time to set up."""
STEP = 16
"""... and the positions of a stretch begin and end at a multiple of this, for the same reason: that of a small product
takes longer than ten products."""


@dataclass(frozen=True, slots=True)
class PackedRows:
    """M tokens to compute: the distinct beginnings, then the rest of every row, then idle ones."""

    ids_M: Tensor
    at_M: Tensor
    stretches: list[Stretch]
    begin: Sequence[int]
    """Where the beginning of each row stands."""
    rest: Sequence[int]
    """Where the rest of each row stands, less the beginning's length: position p of the row is at rest + p."""
    tokens: int
    """Tokens that are not idle."""


def pack(rows: Sequence[Sequence[int]], shared: Sequence[int]) -> PackedRows:
    """Pack rows, of which each looks back on its first `shared` tokens wherever an equal beginning stands.

    A row must be longer than its shared part.
    """
    order = sorted(range(len(rows)), key=lambda b: (shared[b] // NEAR, shared[b] - len(rows[b])))
    begins = sorted({tuple(row[:n]) for row, n in zip(rows, shared, strict=True)}, key=len, reverse=True)
    length_P, length_B = (torch.tensor(n) for n in (list(map(len, begins)), [len(rows[b]) - shared[b] for b in order]))
    start_P, start_B = starts(length_P), starts(length_B) + int(length_P.sum())
    place = dict(zip(begins, start_P.tolist(), strict=True))
    begin_B = torch.tensor([place[tuple(rows[b][: shared[b]])] for b in order])
    prefix_B = torch.tensor([shared[b] for b in order])
    ids = [i for begin in begins for i in begin] + [i for b in order for i in rows[b][shared[b] :]]
    at = [p for begin in begins for p in range(len(begin))] + [p for b in order for p in range(shared[b], len(rows[b]))]
    idle = [0] * (-len(ids) % ROUND)
    stretches = stretch(start_P, torch.zeros_like(start_P), start_P, length_P, len(ids))
    for _, near in groupby(range(len(order)), key=lambda i: shared[order[i]] // NEAR):
        part = torch.tensor(list(near))
        stretches += stretch(begin_B[part], prefix_B[part], start_B[part], length_B[part], len(ids))
    where = dict(zip(order, zip(begin_B.tolist(), (start_B - prefix_B).tolist(), strict=True), strict=True))
    begin, rest = zip(*(where[b] for b in range(len(rows))), strict=True)
    return PackedRows(torch.tensor(ids + idle), torch.tensor(at + idle), stretches, begin, rest, len(ids))


def starts(length_B: Tensor) -> Tensor:
    """Where each of rows laid end to end begins."""
    return length_B.cumsum(0) - length_B


def stretch(prefix_start_B: Tensor, prefix_B: Tensor, start_B: Tensor, length_B: Tensor, tokens: int) -> list[Stretch]:
    """Stretches for rows, longest first, that stand at `start_B` and look back on `prefix_B` tokens elsewhere."""
    found: list[Stretch] = []
    lengths: list[int] = length_B.tolist()
    begin = 0
    while begin < len(lengths) and lengths[begin]:
        end = begin + 1
        while end < len(lengths) and lengths[end] and lengths[end] >= SIMILAR * lengths[begin] - 4:
            end += 1
        rows = slice(begin, end)
        first, prefix_B1 = int(prefix_B[rows].min()) // STEP * STEP, prefix_B[rows, None]
        end_B1 = prefix_B1 + length_B[rows, None]
        at_S = torch.arange(-(-int(end_B1.max()) // STEP) * STEP)
        own_BS = start_B[rows, None] + at_S - prefix_B1
        tokens_BS = torch.where(at_S < prefix_B1, prefix_start_B[rows, None] + at_S, own_BS).clamp(max=tokens - 1)
        asked_BU = ((at_S >= prefix_B1) & (at_S < end_B1))[:, first:]
        found.append(Stretch(tokens_BS, first, asked_BU.flatten().nonzero()[:, 0], int(start_B[begin])))
        begin = end
    return found
