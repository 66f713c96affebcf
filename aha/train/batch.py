"""Sampled replies as tensors: sorted by length, cut into micro-batches, packed so that no token is computed twice.

A micro-batch is computed as one run of tokens without padding: every distinct prompt once, then the replies, each of
which looks back on its prompt. Only attention sees rows, in stretches of similar length. The weights of tokens are
fixed for the whole batch first, so how it is cut changes time and memory and nothing else.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aha.models.attention import Stretch
from aha.models.packing import ROUND, starts, stretch
from aha.types import Completion


@dataclass(frozen=True, slots=True)
class Batch:
    """B replies, T tokens the longest, longest first.

    `ids_BT` are the tokens fed, the prompt's last one and all of the reply but its end; `target_BT` those they should
    be followed by, the reply. `mask_BT` is one where a token is learnt from; everything is zero past a reply's end.
    `weight_BT` sums to one over all rows of the step, of which a micro-batch holds some.
    """

    prompts: Sequence[Sequence[int]]
    """Distinct prompts, less their last token."""
    prompt_B: Tensor
    """Which prompt each reply continues."""
    length_B: Tensor
    ids_BT: Tensor
    target_BT: Tensor
    mask_BT: Tensor
    old_logp_BT: Tensor
    """Under the weights that a ratio is taken to."""
    sampled_logp_BT: Tensor
    """As the sampler told them."""
    weight_BT: Tensor
    advantage_B: Tensor

    def __len__(self) -> int:
        return len(self.ids_BT)

    @property
    def held_BT(self) -> Tensor:
        """Where a reply has a token."""
        return torch.arange(self.ids_BT.shape[1]) < self.length_B[:, None]


@dataclass(frozen=True, slots=True)
class Packed:
    """M tokens to compute: prompts, then the replies' tokens row by row, then idle ones."""

    ids_M: Tensor
    at_M: Tensor
    stretches: list[Stretch]
    replies: slice
    """The packed tokens that are replies'."""


def collate(
    replies: Sequence[Completion], advantage_B: Tensor, weigh: Callable[[Tensor], Tensor], learn_B: Tensor
) -> Batch:
    """One batch of all replies, longest first. Replies outside `learn_B` (a failed grader) get weight zero."""
    order = sorted(range(len(replies)), key=lambda i: -len(replies[i].token_ids))
    prompts: dict[tuple[int, ...], int] = {}
    prompt_B = torch.tensor([prompts.setdefault(tuple(replies[i].prompt_ids[:-1]), len(prompts)) for i in order])
    length_B = torch.tensor([len(replies[i].token_ids) for i in order])
    B, T = len(replies), int(length_B[0])
    ids_BT, target_BT = torch.zeros(B, T, dtype=torch.long), torch.zeros(B, T, dtype=torch.long)
    old_logp_BT = torch.zeros(B, T)
    for row, i in enumerate(order):
        reply, n = replies[i], len(replies[i].token_ids)
        ids_BT[row, :n] = torch.tensor(reply.prompt_ids[-1:] + reply.token_ids[:-1])
        target_BT[row, :n], old_logp_BT[row, :n] = torch.tensor(reply.token_ids), torch.tensor(reply.logprobs)
    index = torch.tensor(order)
    mask_BT = (torch.arange(T) < length_B[:, None]).float() * learn_B[index].float()[:, None]
    return Batch(
        list(prompts), prompt_B, length_B, ids_BT, target_BT, mask_BT, old_logp_BT, old_logp_BT, weigh(mask_BT),
        advantage_B[index],
    )  # fmt: skip


def micro_batches(batch: Batch, tokens: int) -> Iterator[Batch]:
    """Cut into runs of rows of at most `tokens` tokens with their prompts (one row at least)."""
    start, held, seen = 0, 0, set[int]()
    pairs: list[tuple[int, int]] = list(zip(batch.prompt_B.tolist(), batch.length_B.tolist(), strict=True))
    for row, (prompt, length) in enumerate(pairs):
        cost = length + (0 if prompt in seen else len(batch.prompts[prompt]))
        if row > start and held + cost > tokens:
            yield rows_of(batch, slice(start, row))
            start, held, seen = row, 0, set()
            cost = length + len(batch.prompts[prompt])
        held += cost
        seen.add(prompt)
    yield rows_of(batch, slice(start, len(batch)))


def shares(batch: Batch, count: int) -> list[Batch]:
    """The batch in at most `count` parts of about as many tokens, whole groups together: the longest to the emptiest."""
    tokens: Counter[int] = Counter()
    for prompt, length in zip(batch.prompt_B.tolist(), batch.length_B.tolist(), strict=True):
        tokens[prompt] += length
    held = [(0, part, list[int]()) for part in range(min(count, len(tokens)))]
    for prompt, length in tokens.most_common():
        total, part, prompts = heapq.heappop(held)
        heapq.heappush(held, (total + length + len(batch.prompts[prompt]), part, [*prompts, prompt]))
    return [
        rows_of(batch, torch.isin(batch.prompt_B, torch.tensor(prompts)).nonzero()[:, 0])
        for _, _, prompts in sorted(held, key=lambda part: part[1])
    ]


def rows_of(batch: Batch, rows: slice | Tensor) -> Batch:
    """Some rows, longest first, as wide as the longest of them."""
    T = int(batch.length_B[rows][0])
    return Batch(
        batch.prompts,
        batch.prompt_B[rows],
        batch.length_B[rows],
        batch.ids_BT[rows][:, :T],
        batch.target_BT[rows][:, :T],
        batch.mask_BT[rows][:, :T],
        batch.old_logp_BT[rows][:, :T],
        batch.sampled_logp_BT[rows][:, :T],
        batch.weight_BT[rows][:, :T],
        batch.advantage_B[rows],
    )


def pack(batch: Batch) -> Packed:
    """The tokens of a micro-batch and who looks back on whom."""
    used = sorted(set(batch.prompt_B.tolist()), key=lambda p: -len(batch.prompts[p]))
    place = {p: i for i, p in enumerate(used)}
    shared = [batch.prompts[p] for p in used]
    shared_P = torch.tensor([len(prompt) for prompt in shared])
    held_BT = batch.held_BT
    prefix_B = shared_P[[place[p] for p in batch.prompt_B.tolist()]]
    at_BT = prefix_B[:, None] + torch.arange(batch.ids_BT.shape[1])
    ids_M = torch.cat((torch.tensor([i for prompt in shared for i in prompt], dtype=torch.long), batch.ids_BT[held_BT]))
    at_M = torch.cat((*(torch.arange(n) for n in shared_P.tolist()), at_BT[held_BT]))
    asked, idle = len(ids_M), -len(ids_M) % ROUND
    ids_M, at_M = (torch.cat((x_M, x_M.new_zeros(idle))) for x_M in (ids_M, at_M))
    start_P, start_B = starts(shared_P), starts(batch.length_B) + int(shared_P.sum())
    prefix_start_B = start_P[[place[p] for p in batch.prompt_B.tolist()]]
    nothing_P = torch.zeros_like(shared_P)
    stretches = [
        *stretch(start_P, nothing_P, start_P, shared_P, len(ids_M)),
        *stretch(prefix_start_B, prefix_B, start_B, batch.length_B, len(ids_M)),
    ]
    return Packed(ids_M, at_M, stretches, slice(int(shared_P.sum()), asked))
