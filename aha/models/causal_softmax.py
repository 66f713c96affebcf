"""The softmax of attention and its gradient, in place and in one pass, leaving out what lies ahead of a query.

Shapes: N matrices of Q queries and S positions; row q may look at positions up to first + q // group only.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aha.models.kernels import fits
from aha.models.simd import LOOSE, bits, exp, loop, narrow, widen
from aha.models.vector import top_of


@loop(cache=True, fastmath=LOOSE)
def softmax_row(x_S, scale):  # type: ignore[no-untyped-def]
    """softmax(scale x), in place."""
    top, total = top_of(x_S), np.float32(0)
    for s in range(len(x_S)):
        e = exp((widen(x_S[s]) - top) * scale)
        x_S[s] = narrow(e, x_S[0])
        total += e
    factor = np.float32(1) / total
    for s in range(len(x_S)):
        x_S[s] = narrow(widen(x_S[s]) * factor, x_S[0])


@loop(cache=True)
def _causal_softmax(x_NQS, first, group, scale):  # type: ignore[no-untyped-def]
    for n in range(len(x_NQS)):
        for q in range(x_NQS.shape[1]):
            seen = first + q // group + 1
            softmax_row(x_NQS[n, q, :seen], scale)
            x_NQS[n, q, seen:] = 0


@loop(cache=True, fastmath=LOOSE)
def _softmax_backward_row(grad_S, p_S, scale):  # type: ignore[no-untyped-def]
    along = np.float32(0)
    for s in range(len(p_S)):
        along += widen(grad_S[s]) * widen(p_S[s])
    for s in range(len(p_S)):
        grad_S[s] = narrow(widen(p_S[s]) * (widen(grad_S[s]) - along) * scale, grad_S[0])


@loop(cache=True)
def _causal_softmax_backward(grad_NQS, p_NQS, first, group, scale):  # type: ignore[no-untyped-def]
    for n in range(len(p_NQS)):
        for q in range(p_NQS.shape[1]):
            seen = first + q // group + 1
            _softmax_backward_row(grad_NQS[n, q, :seen], p_NQS[n, q, :seen], scale)
            grad_NQS[n, q, seen:] = 0


def causal_softmax_(x_NQS: Tensor, first: int, group: int, scale: float) -> Tensor:
    """softmax(scale x) over the last axis, in place."""
    if fits(x_NQS):
        _causal_softmax(bits(x_NQS), first, group, np.float32(scale))
        return x_NQS
    return x_NQS.copy_(x_NQS.mul_(scale).masked_fill_(_future(x_NQS, first, group), -torch.inf).softmax(-1))


def causal_softmax_backward_(grad_NQS: Tensor, p_NQS: Tensor, first: int, group: int, scale: float) -> Tensor:
    """The gradient of x from that of the probabilities, in place; zero where nothing was looked at."""
    if fits(grad_NQS):
        _causal_softmax_backward(bits(grad_NQS), bits(p_NQS), first, group, np.float32(scale))
        return grad_NQS
    return grad_NQS.copy_(torch._softmax_backward_data(grad_NQS, p_NQS, -1, p_NQS.dtype)).mul_(scale)


def _future(x_NQS: Tensor, first: int, group: int) -> Tensor:
    seen_Q = first + torch.arange(x_NQS.shape[1], device=x_NQS.device) // group
    return torch.arange(x_NQS.shape[2], device=x_NQS.device) > seen_Q[:, None]
