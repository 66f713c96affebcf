"""The element-wise parts of the decoder, with backward passes written out.

On a CPU these operations are bound by the bytes they move, and automatic differentiation moves several times more than
needed (copies in fp32, strided halves, one pass an operation). Each loop here reads and writes every tensor once and
computes in fp32. Sampling uses the same loops, so both round alike. Elsewhere PyTorch's own operations do the work.
Shapes: R rows (any leading shape, flattened), E width, F width of the feed-forward layer, N heads of size D.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from aha.models.simd import EXACT, LOOSE, bits, exp, loop, narrow, widen


def fits(x: Tensor) -> bool:
    """Whether the loops can take this tensor."""
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16)


@loop(cache=True, fastmath=LOOSE)
def rstd(x_E, eps):  # type: ignore[no-untyped-def]
    """1 / rms(x)."""
    total = np.float32(0)
    for e in range(len(x_E)):
        total += widen(x_E[e]) * widen(x_E[e])
    return np.float32(1) / np.sqrt(total / np.float32(len(x_E)) + eps)


@loop(cache=True, fastmath=EXACT)
def scale_row(x_E, factor, weight_E, out_E):  # type: ignore[no-untyped-def]
    """x * factor * weight; `out_E` may be `x_E`."""
    for e in range(len(x_E)):
        out_E[e] = narrow(widen(x_E[e]) * factor * widen(weight_E[e]), out_E[0])


@loop(cache=True, fastmath=EXACT)
def _add_row(x_E, more_E, out_E):  # type: ignore[no-untyped-def]
    for e in range(len(x_E)):
        out_E[e] = narrow(widen(x_E[e]) + widen(more_E[e]), out_E[0])


@loop(cache=True)
def norm_loop(x_RE, weight_E, eps, out_RE, rstd_R):  # type: ignore[no-untyped-def]
    """RMSNorm of each row; its factor is kept where there is room."""
    for r in range(len(x_RE)):
        factor = rstd(x_RE[r], eps)
        scale_row(x_RE[r], factor, weight_E, out_RE[r])
        if len(rstd_R):
            rstd_R[r] = factor


@loop(cache=True)
def add_norm_loop(x_RE, more_RE, weight_E, eps, sum_RE, out_RE, rstd_R):  # type: ignore[no-untyped-def]
    """The sum, which may overwrite x, and its RMSNorm."""
    for r in range(len(x_RE)):
        _add_row(x_RE[r], more_RE[r], sum_RE[r])
        factor = rstd(sum_RE[r], eps)
        scale_row(sum_RE[r], factor, weight_E, out_RE[r])
        if len(rstd_R):
            rstd_R[r] = factor


@loop(cache=True, fastmath=LOOSE)
def _norm_backward_row(grad_E, x_E, rstd, weight_E, carry_E, dx_E, dweight_E):  # type: ignore[no-untyped-def]
    along = np.float32(0)
    for e in range(len(x_E)):
        scaled = widen(grad_E[e]) * widen(x_E[e]) * rstd
        dweight_E[e] += scaled
        along += scaled * widen(weight_E[e])
    along *= rstd * rstd / np.float32(len(x_E))
    for e in range(len(x_E)):
        dx_E[e] = narrow(
            widen(carry_E[e]) + widen(grad_E[e]) * widen(weight_E[e]) * rstd - widen(x_E[e]) * along, dx_E[0]
        )


@loop(cache=True)
def _norm_backward(grad_RE, x_RE, rstd_R, weight_E, carry_RE, dx_RE, dweight_E):  # type: ignore[no-untyped-def]
    """dx = carry + the norm's gradient. `carry_RE` may be a single row of zeros."""
    for r in range(len(x_RE)):
        carry_E = carry_RE[r] if len(carry_RE) > 1 else carry_RE[0]
        _norm_backward_row(grad_RE[r], x_RE[r], rstd_R[r], weight_E, carry_E, dx_RE[r], dweight_E)


@loop(cache=True, fastmath=EXACT)
def _sigmoid(x):  # type: ignore[no-untyped-def]
    small = exp(-abs(x))
    return (np.float32(1) if x > 0 else small) / (np.float32(1) + small)


@loop(cache=True, fastmath=EXACT)
def _swiglu_row(gate_F, up_F, out_F):  # type: ignore[no-untyped-def]
    for f in range(len(out_F)):
        gate = widen(gate_F[f])
        out_F[f] = narrow(gate * _sigmoid(gate) * widen(up_F[f]), out_F[0])


@loop(cache=True)
def swiglu_loop(gate_up_RF, out_RF):  # type: ignore[no-untyped-def]
    """silu(gate) * up, where each row holds all of gate and then all of up."""
    width = out_RF.shape[1]
    for r in range(len(out_RF)):
        _swiglu_row(gate_up_RF[r, :width], gate_up_RF[r, width:], out_RF[r])


@loop(cache=True, fastmath=EXACT)
def _swiglu_backward_row(grad_F, gate_F, up_F, dgate_F, dup_F):  # type: ignore[no-untyped-def]
    for f in range(len(grad_F)):
        gate, grad = widen(gate_F[f]), widen(grad_F[f])
        sigmoid = _sigmoid(gate)
        dgate_F[f] = narrow(
            grad * widen(up_F[f]) * sigmoid * (np.float32(1) + gate * (np.float32(1) - sigmoid)), dgate_F[0]
        )
        dup_F[f] = narrow(grad * gate * sigmoid, dup_F[0])


@loop(cache=True)
def _swiglu_backward(grad_RF, gate_up_RF, dgate_up_RF):  # type: ignore[no-untyped-def]
    width = grad_RF.shape[1]
    for r in range(len(grad_RF)):
        _swiglu_backward_row(
            grad_RF[r], gate_up_RF[r, :width], gate_up_RF[r, width:], dgate_up_RF[r, :width], dgate_up_RF[r, width:]
        )


@loop(cache=True, fastmath=EXACT)
def rotate_head(x_D, cos_D, sin_D, sign, out_D):  # type: ignore[no-untyped-def]
    """Turn one head by its position's angles, halves as pairs; `out_D` may be `x_D`."""
    half = len(cos_D)
    left, right, out_left, out_right = x_D[:half], x_D[half:], out_D[:half], out_D[half:]
    for d in range(half):
        a, b = widen(left[d]), widen(right[d])
        c, s = cos_D[d], sign * sin_D[d]
        out_left[d], out_right[d] = narrow(a * c - b * s, out_D[0]), narrow(b * c + a * s, out_D[0])


@loop(cache=True)
def _rotate_heads(x_RND, cos_TD, sin_TD, heads, sign):  # type: ignore[no-untyped-def]
    """Turn the first heads of each row in place. Angles repeat where there are fewer of them than rows."""
    for r in range(len(x_RND)):
        t = r % len(cos_TD)
        for n in range(heads):
            rotate_head(x_RND[r, n], cos_TD[t], sin_TD[t], sign, x_RND[r, n])


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, more: Tensor | None, weight_E: Tensor, eps: float):  # type: ignore[no-untyped-def]
        x_RE = x.reshape(-1, x.shape[-1])
        sum_RE = x_RE if more is None else torch.empty_like(x_RE)
        out_RE, rstd_R = torch.empty_like(x_RE), torch.empty(len(x_RE))
        weight, out, rstd = bits(weight_E.detach()), bits(out_RE), rstd_R.numpy()
        if more is None:
            norm_loop(bits(x_RE.detach()), weight, np.float32(eps), out, rstd)
        else:
            more_RE = bits(more.detach().reshape(x_RE.shape))
            add_norm_loop(bits(x_RE.detach()), more_RE, weight, np.float32(eps), bits(sum_RE), out, rstd)
        ctx.save_for_backward(sum_RE, rstd_R, weight_E)
        ctx.alone = more is None
        ctx.set_materialize_grads(False)
        if more is None:
            return out_RE.view_as(x)
        return sum_RE.view_as(x), out_RE.view_as(x)

    @staticmethod
    def backward(ctx, *grads: Tensor):  # type: ignore[no-untyped-def]
        x_RE, rstd_R, weight_E = ctx.saved_tensors
        grad = grads[-1]
        carry = grads[0] if len(grads) > 1 and grads[0] is not None else x_RE.new_zeros(1, x_RE.shape[1])
        dx_RE, dweight_E = torch.empty_like(x_RE), np.zeros(len(weight_E), np.float32)
        grad_RE, carry_RE = (bits(g.reshape(-1, x_RE.shape[1]).contiguous()) for g in (grad, carry))
        _norm_backward(
            grad_RE, bits(x_RE.detach()), rstd_R.numpy(), bits(weight_E.detach()), carry_RE, bits(dx_RE), dweight_E
        )
        dx = dx_RE.view_as(grad)
        return dx, None if ctx.alone else dx, torch.from_numpy(dweight_E).to(weight_E.dtype), None


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate_up: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(gate_up)
        gate_up_RF = gate_up.detach().reshape(-1, gate_up.shape[-1])
        out_RF = gate_up.new_empty(len(gate_up_RF), gate_up.shape[-1] // 2)
        swiglu_loop(bits(gate_up_RF), bits(out_RF))
        return out_RF.view(*gate_up.shape[:-1], -1)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        (gate_up,) = ctx.saved_tensors
        out = torch.empty_like(gate_up)
        grad_RF, gate_up_RF = (bits(x.detach().reshape(-1, x.shape[-1]).contiguous()) for x in (grad, gate_up))
        _swiglu_backward(grad_RF, gate_up_RF, bits(out.view(-1, out.shape[-1])))
        return out


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(cos, sin)
        ctx.heads = heads
        return _rotated(x, cos, sin, heads, 1)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        cos, sin = ctx.saved_tensors
        return _rotated(grad, cos, sin, ctx.heads, -1), None, None, None


def _rotated(x: Tensor, cos: Tensor, sin: Tensor, heads: int, sign: int) -> Tensor:
    out = x.detach().clone(memory_format=torch.contiguous_format)
    _rotate_heads(bits(out.view(-1, *x.shape[-2:])), cos.numpy(), sin.numpy(), heads, np.float32(sign))
    return out


def rms_norm(x: Tensor, weight_E: Tensor, eps: float) -> Tensor:
    """x / rms(x) * weight over the last axis (arXiv 1910.07467)."""
    if not fits(x):
        return F.rms_norm(x, weight_E.shape, weight_E, eps)
    return _AddNorm.apply(x.contiguous(), None, weight_E, eps)  # type: ignore[no-any-return]


def add_norm(x: Tensor, more: Tensor, weight_E: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The residual stream x + more, and its RMSNorm."""
    if not fits(x):
        x = x + more
        return x, rms_norm(x, weight_E, eps)
    return _AddNorm.apply(x, more, weight_E, eps)  # type: ignore[no-any-return]


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up, gate and up being the halves of the last axis (arXiv 2002.05202)."""
    if not fits(gate_up):
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate) * up
    return _SwiGLU.apply(gate_up)  # type: ignore[no-any-return]


def rotate(x: Tensor, cos_TD: Tensor, sin_TD: Tensor, heads: int) -> Tensor:
    """Turn the first `heads` heads of [..., T, N, D] by rotary positions (arXiv 2104.09864), halves of D as pairs.

    The rest of the heads is left as it is. Angles are fp32, [T, D / 2].
    """
    if fits(x):
        return _Rotate.apply(x, cos_TD, sin_TD, heads)  # type: ignore[no-any-return]
    cos, sin = cos_TD[:, None].to(x.dtype), sin_TD[:, None].to(x.dtype)
    a, b = x[..., :heads, :].chunk(2, -1)
    return torch.cat((torch.cat((a * cos - b * sin, b * cos + a * sin), -1), x[..., heads:, :]), -2)
