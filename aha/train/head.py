"""Log-probabilities of chosen tokens straight from hidden states, without ever holding all logits.

At a vocabulary of V = 2048 the logits of 16,384 tokens take 134 MB in fp32, and log_softmax with its gradient several
times that, all of it streamed through memory. Here a chunk of rows at a time is multiplied out and reduced while it is
in the cache; the backward pass multiplies it out once more. Products are of the inputs' dtype, everything else is fp32
(fp64 for fp64 inputs). Legend: N tokens, V vocabulary, D width, C tokens of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CACHED_LOGITS = 2**20
"""Logits of a chunk on a CPU: 4 MB in fp32, which stay in the cache from the product to the last sum."""
DEVICE_LOGITS = 2**26
"""... and on an accelerator, where few large launches matter more: 256 MB in fp32."""
MIN_CHUNK = 64
"""Products of fewer rows waste the machine, so a large vocabulary gets larger chunks."""


def chunked_logp(
    hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, temperature: float = 1.0, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """log softmax(hidden @ weight.T / temperature) at the targets -> (logp_N, entropy_N), both fp32.

    logp carries gradients to `hidden` and `weight`; entropy, that of the whole distribution, carries none. `chunk` is
    how many tokens are multiplied out at a time, by default as many as suit the device. Under autocast the products
    are of its dtype.
    """
    dtype = hidden_ND.dtype
    if torch.is_autocast_enabled(hidden_ND.device.type):
        dtype = torch.get_autocast_dtype(hidden_ND.device.type)
    if chunk is None:
        budget = CACHED_LOGITS if hidden_ND.device.type == "cpu" else DEVICE_LOGITS
        chunk = max(MIN_CHUNK, budget // len(weight_VD))
    logp_N, entropy_N = _ChunkedLogp.apply(hidden_ND.to(dtype), weight_VD.to(dtype), target_N, temperature, chunk)
    return logp_N, entropy_N


class _ChunkedLogp(torch.autograd.Function):
    """Saves one number a token, its log normaliser, and recomputes the logits when the gradient is asked for."""

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, temperature: float, chunk: int
    ) -> tuple[Tensor, Tensor]:
        exact = torch.promote_types(hidden_ND.dtype, torch.float32)
        logp_N, entropy_N, normaliser_N = hidden_ND.new_empty(3, len(hidden_ND), dtype=exact).unbind()
        for rows, logits_CV in _chunks(hidden_ND, weight_VD, temperature, chunk):
            top_C1 = logits_CV.amax(dim=1, keepdim=True)
            logits_CV.sub_(top_C1)
            target_logit_C = logits_CV.gather(1, target_N[rows, None])[:, 0]
            prob_CV = logits_CV.exp()
            total_C = prob_CV.sum(dim=1)
            log_total_C = total_C.log()
            logp_N[rows] = target_logit_C - log_total_C
            entropy_N[rows] = log_total_C - prob_CV.mul_(logits_CV).sum(dim=1) / total_C
            normaliser_N[rows] = top_C1[:, 0] + log_total_C
        ctx.save_for_backward(hidden_ND, weight_VD, target_N, normaliser_N)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.mark_non_differentiable(entropy_N)
        return logp_N, entropy_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_N: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        hidden_ND, weight_VD, target_N, normaliser_N = ctx.saved_tensors
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        grad_hidden_ND = torch.empty_like(hidden_ND) if needs_hidden else None
        grad_weight_DV = torch.zeros_like(weight_VD.T, dtype=normaliser_N.dtype) if needs_weight else None
        scale_N1 = (-grad_N / ctx.temperature)[:, None]
        for rows, logits_CV in _chunks(hidden_ND, weight_VD, ctx.temperature, ctx.chunk):
            prob_CV = logits_CV.sub_(normaliser_N[rows, None]).exp_()
            # p - 1 at the target before rounding: for a token the model is sure of, both products nearly cancel
            prob_CV.scatter_add_(1, target_N[rows, None], prob_CV.new_full((len(prob_CV), 1), -1.0))
            error_CV = prob_CV.to(hidden_ND.dtype)
            if grad_hidden_ND is not None:
                grad_hidden_ND[rows] = (error_CV @ weight_VD) * scale_N1[rows]
            if grad_weight_DV is not None:
                scaled_CD = (hidden_ND[rows] * scale_N1[rows]).to(hidden_ND.dtype)
                _add_product(grad_weight_DV, scaled_CD.T, error_CV)
        grad_weight_VD = None if grad_weight_DV is None else grad_weight_DV.T.to(weight_VD.dtype)
        return grad_hidden_ND, grad_weight_VD, None, None, None


def _chunks(hidden_ND: Tensor, weight_VD: Tensor, temperature: float, chunk: int) -> Iterator[tuple[slice, Tensor]]:
    """The logits of some rows at a time, over the temperature; each is overwritten by the next."""
    exact = torch.promote_types(hidden_ND.dtype, torch.float32)
    product_CV = hidden_ND.new_empty(min(chunk, len(hidden_ND)), len(weight_VD))
    logits_CV = product_CV if product_CV.dtype == exact else torch.empty_like(product_CV, dtype=exact)
    for start in range(0, len(hidden_ND), chunk):
        rows = slice(start, min(start + chunk, len(hidden_ND)))
        count = rows.stop - start
        torch.mm(hidden_ND[rows], weight_VD.T, out=product_CV[:count])
        if logits_CV is not product_CV:
            logits_CV[:count].copy_(product_CV[:count])
        yield rows, logits_CV[:count] if temperature == 1.0 else logits_CV[:count].div_(temperature)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, the product in the operands' dtype."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right
