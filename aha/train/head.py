"""Log-probabilities of chosen tokens straight from hidden states, without ever holding all logits.

At a vocabulary of V = 2048 the logits of 16,384 tokens take 134 MB in fp32, at 49,152 3.2 GB, and log_softmax with its
gradient several times that, all of it streamed through memory. Here a tile of some tokens and some of the vocabulary at a
time is multiplied out and reduced while it is in the cache; the backward pass multiplies it out once more, unless all
tiles are few enough to be kept. Products are of the inputs' dtype, everything else is fp32 (fp64 for fp64 inputs).
Legend: N tokens, V vocabulary, D width, C tokens and B entries of the vocabulary of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from aha.models.kernels import fits
from aha.models.simd import bits
from aha.train.head_loops import absorb_loop, errors_loop

CACHED_LOGITS = 2**22
"""Logits of a tile on a CPU: 8 MB in bf16."""
DEVICE_LOGITS = 2**26
"""... and on an accelerator, where few large launches matter more: 128 MB in bf16."""
WHOLE = 4096
"""A vocabulary of up to so many entries is not divided."""
BLOCK = 1024
"""A larger one is, and tiles are of many rows instead: each chunk of rows adds a product to the gradient of all of V."""
ROWS = 4096
"""Rows of a tile, at most: their hidden states and the gradient of these pass the cache once a block."""
KEPT_LOGITS = 2**25
"""So many logits of an undivided vocabulary, 128 MB in fp32, are kept for the backward pass: reading them again is
cheaper than multiplying them out again."""


def chunked_logp(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    target_N: Tensor,
    temperature: float = 1.0,
    tile: tuple[int, int] | None = None,
) -> tuple[Tensor, Tensor]:
    """log softmax(hidden @ weight.T / temperature) at the targets -> (logp_N, entropy_N), both fp32.

    logp carries gradients to `hidden` and `weight`; entropy, that of the whole distribution, carries none. `tile` is how
    many tokens and entries of the vocabulary are multiplied out at a time, by default as many as suit the device. Under
    autocast the products are of its dtype.
    """
    dtype = hidden_ND.dtype
    if torch.is_autocast_enabled(hidden_ND.device.type):
        dtype = torch.get_autocast_dtype(hidden_ND.device.type)
    tile = tile or tile_of(len(weight_VD), hidden_ND.device.type)
    few = len(weight_VD) <= tile[1] and len(hidden_ND) * len(weight_VD) <= KEPT_LOGITS
    inputs = hidden_ND.to(dtype), weight_VD.to(dtype), target_N
    logp_N, entropy_N = _ChunkedLogp.apply(*inputs, 1 / temperature, tile, few and torch.is_grad_enabled())
    return logp_N, entropy_N


def tile_of(vocabulary: int, device: str) -> tuple[int, int]:
    """(rows, entries) of a tile."""
    if device != "cpu":
        return max(1, DEVICE_LOGITS // vocabulary), vocabulary
    return (CACHED_LOGITS // vocabulary, vocabulary) if vocabulary <= WHOLE else (ROWS, BLOCK)


class _ChunkedLogp(torch.autograd.Function):
    """Saves one number a token, its log normaliser; the logits are kept for the gradient or computed once more."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        target_N: Tensor,
        sharpness: float,
        tile: tuple[int, int],
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        exact = torch.promote_types(hidden_ND.dtype, torch.float32)
        state_4N = hidden_ND.new_zeros(4, len(hidden_ND), dtype=exact)
        state_4N[0] = torch.finfo(exact).min
        ctx.kept = list[Tile]() if keep else None
        for rows, block, product_CB in _tiles(hidden_ND, weight_VD, tile, ctx.kept):
            _absorb(product_CB, sharpness, target_N[rows], block.start, state_4N[:, rows])
        top_N, total_N, moment_N, target_logit_N = state_4N.unbind()
        log_total_N = total_N.log()
        normaliser_N = top_N + log_total_N
        ctx.save_for_backward(hidden_ND, weight_VD, target_N, normaliser_N)
        ctx.sharpness, ctx.tile = sharpness, tile
        logp_N, entropy_N = target_logit_N - top_N - log_total_N, log_total_N - moment_N / total_N
        ctx.mark_non_differentiable(entropy_N)
        return logp_N, entropy_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_N: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        hidden_ND, weight_VD, target_N, normaliser_N = ctx.saved_tensors
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        exact = normaliser_N.dtype
        grad_hidden_ND = torch.zeros_like(hidden_ND, dtype=exact) if needs_hidden else None
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=exact) if needs_weight else None
        scale_N = (grad_N * -ctx.sharpness).to(exact)
        tiles = ctx.kept or _tiles(hidden_ND, weight_VD, ctx.tile)
        ctx.kept = None  # they are overwritten below: good for once
        for rows, block, error_CB in tiles:
            _errors(error_CB, ctx.sharpness, target_N[rows], block.start, normaliser_N[rows], scale_N[rows])
            if grad_hidden_ND is not None:
                _add_product(grad_hidden_ND[rows], error_CB, weight_VD[block])
            if grad_weight_VD is not None:
                _add_product(grad_weight_VD[block], error_CB.T, hidden_ND[rows])
        grads = (None if grad is None else grad.to(hidden_ND.dtype) for grad in (grad_hidden_ND, grad_weight_VD))
        return *grads, None, None, None, None


Tile = tuple[slice, slice, Tensor]


def _tiles(
    hidden_ND: Tensor, weight_VD: Tensor, tile: tuple[int, int], kept: list[Tile] | None = None
) -> Iterator[Tile]:
    """Rows, part of the vocabulary, and their products [C, B]; each is overwritten by the next, or goes to `kept`."""
    C, B = min(tile[0], len(hidden_ND)), min(tile[1], len(weight_VD))
    room = hidden_ND.new_empty(C * B)
    for first in range(0, len(hidden_ND), max(1, C)):
        rows = slice(first, min(first + C, len(hidden_ND)))
        for start in range(0, len(weight_VD), B):
            block = slice(start, min(start + B, len(weight_VD)))
            shape = rows.stop - rows.start, block.stop - block.start
            product_CB = room[: shape[0] * shape[1]].view(shape)
            torch.mm(hidden_ND[rows], weight_VD[block].T, out=product_CB)
            yield rows, block, product_CB
            if kept is not None:
                kept.append((rows, block, product_CB))
                room = torch.empty_like(room)


def _absorb(x_CB: Tensor, sharpness: float, target_C: Tensor, start: int, state_4C: Tensor) -> None:
    """Take a tile into each row's running (top logit, sum, first moment below the top, logit of its target)."""
    if fits(x_CB):
        absorb_loop(bits(x_CB), np.float32(sharpness), target_C.numpy(), start, state_4C.numpy())
        return
    x_CB = x_CB.to(state_4C.dtype) * sharpness
    before_C, total_C, moment_C, chosen_C = state_4C.clone()
    top_C = torch.maximum(before_C, x_CB.amax(1))
    lower_C, below_CB = before_C - top_C, x_CB - top_C[:, None]
    shrunk_C, share_CB = lower_C.exp(), below_CB.exp()
    moment_C = shrunk_C * (moment_C + torch.where(total_C > 0, lower_C, 0.0) * total_C) + (share_CB * below_CB).sum(1)
    here_C = (target_C >= start) & (target_C < start + x_CB.shape[1])
    at_C1 = (target_C - start).clamp(0, x_CB.shape[1] - 1)[:, None]
    chosen_C = torch.where(here_C, x_CB.gather(1, at_C1)[:, 0], chosen_C)
    state_4C.copy_(torch.stack((top_C, shrunk_C * total_C + share_CB.sum(1), moment_C, chosen_C)))


def _errors(
    x_CB: Tensor, sharpness: float, target_C: Tensor, start: int, normaliser_C: Tensor, scale_C: Tensor
) -> None:
    """Overwrite a tile with (p - 1 at the target) scale."""
    if fits(x_CB):
        normaliser, scale = normaliser_C.numpy(), scale_C.numpy()
        errors_loop(bits(x_CB), np.float32(sharpness), target_C.numpy(), start, normaliser, scale)
        return
    share_CB = (x_CB.to(normaliser_C.dtype) * sharpness - normaliser_C[:, None]).exp()
    here_C1 = torch.arange(start, start + x_CB.shape[1], device=x_CB.device) == target_C[:, None]
    x_CB.copy_((share_CB - here_C1.to(share_CB.dtype)) * scale_C[:, None])


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, the product in the operands' dtype."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right
