"""Causal self-attention with grouped heads, fast on a CPU.

Query heads that share a key/value head are folded into the rows of one matrix product, so a layer is a few large
`bmm` calls. Training keeps no T x T matrix: the backward pass computes the scores again, a few sequences at a time, so
that they stay in cache. Shapes: B sequences, H query heads, K key/value heads, G = H / K, T tokens, D head size;
packed: M tokens of all rows, of which a stretch of B rows has S positions and U = S - first queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from aha.models.causal_softmax import causal_softmax_, causal_softmax_backward_

CACHE_ELEMENTS = 1 << 21
"""Scores held at once, in elements: about what a core's second-level cache holds in bf16."""


def causal_attention(q_BHTD: Tensor, k_BKTD: Tensor, v_BKTD: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D)) v with a causal mask, [B, H, T, D]. Rows must start at token 0, padded on the right."""
    if q_BHTD.device.type == "cpu" and q_BHTD.dtype == torch.bfloat16 and torch.is_grad_enabled():
        return _Attention.apply(q_BHTD, k_BKTD, v_BKTD)  # type: ignore[no-any-return]
    return F.scaled_dot_product_attention(
        q_BHTD, k_BKTD, v_BKTD, is_causal=True, enable_gqa=q_BHTD.shape[1] != k_BKTD.shape[1]
    )


class _Attention(torch.autograd.Function):
    """PyTorch's fused forward, and a backward of our own: the fused one runs bf16 slower than fp32 on a CPU."""

    @staticmethod
    def forward(ctx, q_BHTD: Tensor, k_BKTD: Tensor, v_BKTD: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        group = q_BHTD.shape[1] // k_BKTD.shape[1]
        k_BHTD, v_BHTD = (x.repeat_interleave(group, 1) if group > 1 else x for x in (k_BKTD, v_BKTD))
        out_BHTD, _ = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q_BHTD, k_BHTD, v_BHTD, 0.0, True)
        ctx.save_for_backward(q_BHTD, k_BKTD, v_BKTD)
        return out_BHTD

    @staticmethod
    def backward(ctx, grad_BHTD: Tensor):  # type: ignore[no-untyped-def]
        q_BHTD, k_BKTD, v_BKTD = ctx.saved_tensors
        B, H, T, D = q_BHTD.shape
        K = k_BKTD.shape[1]
        G = H // K
        scale = D**-0.5
        q_BKGTD, g_BKGTD = (x.reshape(B, K, G, T, D) for x in (q_BHTD, grad_BHTD))
        dq_BKGTD = torch.empty_like(q_BKGTD)
        dk_BKTD, dv_BKTD = torch.zeros_like(k_BKTD), torch.zeros_like(v_BKTD)
        block = min(T, 128)
        rows = max(1, CACHE_ELEMENTS // (H * block * T))
        for t in range(0, T, block):
            end = min(t + block, T)
            future_TS = torch.full((end - t, end), -torch.inf, dtype=q_BHTD.dtype).triu_(t + 1).repeat(G, 1)
            for b in range(0, B, rows):
                span = slice(b, b + rows)
                n = k_BKTD[span].shape[0] * K
                k = k_BKTD[span, :, :end].reshape(n, end, D)
                v = v_BKTD[span, :, :end].reshape(n, end, D)
                q = q_BKGTD[span, :, :, t:end].reshape(n, -1, D)
                g = g_BKGTD[span, :, :, t:end].reshape(n, -1, D)
                p = torch.baddbmm(future_TS, q, k.mT, alpha=scale).softmax(-1)
                ds = torch._softmax_backward_data(torch.bmm(g, v.mT), p, -1, p.dtype).mul_(scale)
                dq_BKGTD[span, :, :, t:end] = torch.bmm(ds, k).view(-1, K, G, end - t, D)
                dk_BKTD[span, :, :end] += torch.bmm(ds.mT, q).view(-1, K, end, D)
                dv_BKTD[span, :, :end] += torch.bmm(p.mT, g).view(-1, K, end, D)
        return dq_BKGTD.view(B, H, T, D), dk_BKTD, dv_BKTD


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of similar length among M packed tokens, each of which stands once in the packing however many rows see it.

    Position s of row b is packed token `tokens_BS[b, s]`, of any value past the row's end. Rows look back on all their
    positions, but only positions from `first` on ask; of the answers, [B, U] flattened, those at `own_N` are kept, and
    are the packed tokens from `start` on, in that order.
    """

    tokens_BS: Tensor
    first: int
    own_N: Tensor
    start: int


def packed_attention(q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor, stretches: Sequence[Stretch]) -> Tensor:
    """Causal attention within the rows of packed tokens, [M, H, D]; zero for tokens that no stretch owns.

    A prompt that many rows continue is computed once: its keys and values are read by all of them, and its gradient is
    the sum of theirs.
    """
    return _PackedAttention.apply(q_MHD, k_MKD, v_MKD, stretches)  # type: ignore[no-any-return]


class _PackedAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor, stretches: Sequence[Stretch]):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(q_MHD, k_MKD, v_MKD)
        ctx.stretches = stretches
        out_MHD = torch.zeros_like(q_MHD)
        for stretch in stretches:
            rows = [torch.bmm(_probabilities(q, k, stretch), v) for q, k, v, _ in _folded(stretch, q_MHD, k_MKD, v_MKD)]
            out_MHD[_owned(stretch)] = _unfold(torch.cat(rows), stretch, k_MKD.shape[1])
        return out_MHD

    @staticmethod
    def backward(ctx, grad_MHD: Tensor):  # type: ignore[no-untyped-def]
        q_MHD, k_MKD, v_MKD = ctx.saved_tensors
        H, K, scale = q_MHD.shape[1], k_MKD.shape[1], q_MHD.shape[-1] ** -0.5
        dq_MHD = torch.zeros_like(q_MHD)
        exact = torch.promote_types(k_MKD.dtype, torch.float32)
        dkv_MX = torch.zeros(len(k_MKD), 2 * K * k_MKD.shape[2], dtype=exact, device=k_MKD.device)
        for stretch in ctx.stretches:
            g_BUHD = _spread(grad_MHD[_owned(stretch)], stretch)
            rows = []
            for q, k, v, span in _folded(stretch, q_MHD, k_MKD, v_MKD):
                g = _fold(g_BUHD[span], K)
                p = _probabilities(q, k, stretch)
                ds = causal_softmax_backward_(torch.bmm(g, v.mT), p, stretch.first, H // K, scale)
                rows.append(torch.bmm(ds, k))
                dk, dv = (x.unflatten(0, (-1, K)).transpose(1, 2) for x in (torch.bmm(ds.mT, q), torch.bmm(p.mT, g)))
                dkv = torch.cat((dk.flatten(2), dv.flatten(2)), -1).flatten(0, 1)
                dkv_MX.index_add_(0, stretch.tokens_BS[span].flatten(), dkv.to(exact))
            dq_MHD[_owned(stretch)] = _unfold(torch.cat(rows), stretch, K)
        dk_MX, dv_MX = dkv_MX.to(k_MKD.dtype).chunk(2, -1)
        return dq_MHD, dk_MX.reshape(k_MKD.shape), dv_MX.reshape(v_MKD.shape), None


def _folded(
    stretch: Stretch, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor, slice]]:
    """Queries [n, U G, D], keys and values [n, S, D], n = rows x K, for some rows at a time."""
    (B, S), (H, K) = stretch.tokens_BS.shape, (q_MHD.shape[1], k_MKD.shape[1])
    U = S - stretch.first
    rows = max(1, CACHE_ELEMENTS // (H * U * S))
    for b in range(0, B, rows):
        span = slice(b, b + rows)
        tokens_BS = stretch.tokens_BS[span]
        k, v = (x_MKD[tokens_BS].transpose(1, 2).flatten(0, 1) for x_MKD in (k_MKD, v_MKD))
        yield _fold(q_MHD[tokens_BS[:, stretch.first :]], K), k, v, span


def _probabilities(q: Tensor, k: Tensor, stretch: Stretch) -> Tensor:
    group = q.shape[1] // (stretch.tokens_BS.shape[1] - stretch.first)
    return causal_softmax_(torch.bmm(q, k.mT), stretch.first, group, q.shape[-1] ** -0.5)


def _owned(stretch: Stretch) -> slice:
    return slice(stretch.start, stretch.start + len(stretch.own_N))


def _fold(x_BUHD: Tensor, kv_heads: int) -> Tensor:
    """[B, U, H, D] to [B K, U G, D]: the query heads of a key/value head become rows of one product."""
    B, U, H, D = x_BUHD.shape
    return x_BUHD.view(B, U, kv_heads, H // kv_heads, D).transpose(1, 2).reshape(B * kv_heads, -1, D)


def _unfold(x: Tensor, stretch: Stretch, kv_heads: int) -> Tensor:
    """[B K, U G, D] back to the stretch's own tokens, [N, H, D]."""
    U = stretch.tokens_BS.shape[1] - stretch.first
    x_BUHD = x.view(-1, kv_heads, U, x.shape[1] // U, x.shape[2]).transpose(1, 2).flatten(2, 3)
    return x_BUHD.flatten(0, 1)[stretch.own_N]


def _spread(x_NHD: Tensor, stretch: Stretch) -> Tensor:
    """The stretch's own tokens at their places in [B, U, H, D], zero elsewhere."""
    B, S = stretch.tokens_BS.shape
    x_RHD = x_NHD.new_zeros(B * (S - stretch.first), *x_NHD.shape[1:])
    x_RHD[stretch.own_N] = x_NHD
    return x_RHD.unflatten(0, (B, -1))
