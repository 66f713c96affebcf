"""The element-wise parts of the decoder, with backward passes written out.

On a CPU these operations are bound by the bytes they move, and automatic differentiation moves several times more than
needed (intermediate copies in fp32, strided halves). Each function here touches every tensor as few times as it can.
Sampling skips the bookkeeping and does the same arithmetic, so both round alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def _rstd(x_NE: Tensor, eps: float) -> Tensor:
    exact = torch.promote_types(x_NE.dtype, torch.float32)
    norm_N1 = torch.linalg.vector_norm(x_NE, dim=-1, keepdim=True, dtype=exact)
    return norm_N1.square_().div_(x_NE.shape[-1]).add_(eps).rsqrt_().to(x_NE.dtype)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x_NE: Tensor, weight_E: Tensor, eps: float) -> Tensor:  # type: ignore[no-untyped-def]
        rstd_N1 = _rstd(x_NE, eps)
        unit_NE = x_NE * rstd_N1
        ctx.save_for_backward(unit_NE, rstd_N1, weight_E)
        return unit_NE * weight_E

    @staticmethod
    def backward(ctx, grad_NE: Tensor):  # type: ignore[no-untyped-def]
        unit_NE, rstd_N1, weight_E = ctx.saved_tensors
        scaled_NE = grad_NE * unit_NE
        along_N1 = (scaled_NE @ weight_E[:, None]).div_(-unit_NE.shape[-1])
        dx_NE = (grad_NE * weight_E).addcmul_(unit_NE, along_N1).mul_(rstd_N1)
        return dx_NE, scaled_NE.flatten(0, -2).sum(0), None


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate: Tensor, up: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        active = F.silu(gate)
        ctx.save_for_backward(gate, up, active)
        return active * up

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        gate, up, active = ctx.saved_tensors
        return torch.ops.aten.silu_backward(grad * up, gate), grad * active


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(cos, sin)
        return _turn(x, cos, sin, 1)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        cos, sin = ctx.saved_tensors
        return _turn(grad, cos, sin, -1), None, None


def _turn(x: Tensor, cos: Tensor, sin: Tensor, sign: int) -> Tensor:
    (a, b), out = x.chunk(2, -1), torch.empty(x.shape, dtype=x.dtype)
    left, right = out.chunk(2, -1)
    torch.mul(a, cos, out=left).addcmul_(b, sin, value=-sign)
    torch.mul(b, cos, out=right).addcmul_(a, sin, value=sign)
    return out


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x / rms(x) * weight over the last axis (arXiv 1910.07467)."""
    if not torch.is_grad_enabled():
        return (x * _rstd(x, eps)).mul_(weight)
    return _RMSNorm.apply(x, weight, eps)  # type: ignore[no-any-return]


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up (arXiv 2002.05202)."""
    if not torch.is_grad_enabled():
        return F.silu(gate).mul_(up)
    return _SwiGLU.apply(gate, up)  # type: ignore[no-any-return]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, halves of the last axis as pairs (arXiv 2104.09864, in the layout of Hugging Face)."""
    if not torch.is_grad_enabled():
        return _turn(x, cos, sin, 1)
    return _Rotate.apply(x, cos, sin)  # type: ignore[no-any-return]
