"""Causal self-attention with grouped heads, fast on a CPU.

Query heads that share a key/value head are folded into the rows of one matrix product, so a layer is a few large
`bmm` calls. Training keeps no T x T matrix: the backward pass computes the scores again, a few sequences at a time, so
that they stay in cache. Shapes: B sequences, H query heads, K key/value heads, G = H / K, T tokens, D head size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

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
