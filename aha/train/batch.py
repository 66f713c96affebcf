"""Sampled replies as tensors: sorted by length, cut into micro-batches of a bounded number of tokens.

The width of a micro-batch is that of its longest row, so sorting leaves little padding; and since the weights of tokens
are fixed for the whole batch first, how it is cut changes time and memory and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aha.types import Completion


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of prompt and reply, T tokens wide, padded on the right.

    `target_mask_BT[b, t]` marks the positions whose next token belongs to the reply; all other tensors are zero
    elsewhere. `weight_BT` sums to one over all rows of the step, of which a micro-batch holds some.
    """

    ids_BT: Tensor
    target_BT: Tensor
    mask_BT: Tensor
    old_logp_BT: Tensor
    weight_BT: Tensor
    advantage_B: Tensor

    def __len__(self) -> int:
        return len(self.ids_BT)


def collate(
    replies: Sequence[Completion], advantage_B: Tensor, weigh: Callable[[Tensor], Tensor], learn_B: Tensor
) -> Batch:
    """One batch of all replies, longest first. Replies outside `learn_B` (a failed grader) get weight zero."""
    order = sorted(range(len(replies)), key=lambda i: -_length(replies[i]))
    B, T = len(replies), _length(replies[order[0]]) - 1
    ids_BT, target_BT = torch.zeros(B, T, dtype=torch.long), torch.zeros(B, T, dtype=torch.long)
    mask_BT, old_logp_BT = torch.zeros(B, T), torch.zeros(B, T)
    for row, i in enumerate(order):
        reply = replies[i]
        ids = torch.tensor(reply.prompt_ids + reply.token_ids)
        ids_BT[row, : len(ids) - 1], target_BT[row, : len(ids) - 1] = ids[:-1], ids[1:]
        span = slice(len(reply.prompt_ids) - 1, len(ids) - 1)
        mask_BT[row, span], old_logp_BT[row, span] = 1.0, torch.tensor(reply.logprobs)
    index = torch.tensor(order)
    mask_BT *= learn_B[index].float()[:, None]
    return Batch(ids_BT, target_BT, mask_BT, old_logp_BT, weigh(mask_BT), advantage_B[index])


def _length(reply: Completion) -> int:
    return len(reply.prompt_ids) + len(reply.token_ids)


def micro_batches(batch: Batch, tokens: int) -> Iterator[Batch]:
    """Cut into runs of rows of at most `tokens` padded tokens (one row at least), each as wide as its longest row."""
    held_BT = (batch.ids_BT != 0) | (batch.target_BT != 0)
    widths: list[int] = held_BT.long().mul(torch.arange(1, held_BT.shape[1] + 1)).amax(1).tolist()
    start = 0
    while start < len(batch):
        width = max(1, widths[start])
        rows = slice(start, start + max(1, tokens // width))
        start = rows.stop
        yield Batch(
            batch.ids_BT[rows, :width],
            batch.target_BT[rows, :width],
            batch.mask_BT[rows, :width],
            batch.old_logp_BT[rows, :width],
            batch.weight_BT[rows, :width],
            batch.advantage_B[rows],
        )


def padded_share(batch: Batch, tokens: int) -> float:
    """Share of the trained positions that hold a reply token: the rest is prompt and padding."""
    useful = float((batch.mask_BT > 0).sum())
    return useful / max(1, sum(micro.ids_BT.numel() for micro in micro_batches(batch, tokens)))
