"""One more token for a few rows of a small model, as a single compiled loop.

With few rows, a library's matrix products spend their time on being called and on fetching weights in an order that no
prefetcher guesses. Here the weights of a layer stream by once, in the order they lie in memory, and a step is one call,
during which other threads run. Rounding is that of `Decoder.step`. Shapes: R rows, L layers, E width, O outputs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aha.models.decode_attention import attend
from aha.models.kernels import add_norm_loop, norm_loop, swiglu_loop
from aha.models.lanes import LANES
from aha.models.simd import bits, loop, narrow, widen
from aha.models.vector import multiply

BLOCK = 2 * LANES
"""Outputs computed together."""
EIGHT, FOUR, TWO, ONE = ((None,) * rows for rows in (8, 4, 2, 1))


def blocked(weight_OE: Tensor, bias_O: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """The weights in the order they are read, [O / BLOCK, E, BLOCK], and the bias in fp32; zeros fill the last block."""
    outputs, E = weight_OE.shape
    padded_OE = weight_OE.detach().new_zeros(-(-outputs // BLOCK) * BLOCK, E)
    padded_OE[:outputs] = weight_OE.detach()
    bias = torch.zeros(outputs) if bias_O is None else bias_O.detach().float()
    return bits(padded_OE.view(-1, BLOCK, E).transpose(1, 2).contiguous()), bias.numpy()


@loop(cache=True)
def product_loop(x_RE, w_BEO, bias_O, scratch, out_RO):  # type: ignore[no-untyped-def]
    """out = x W^T + bias. The scratch holds x and out in fp32."""
    R, E = x_RE.shape
    wide_RE, sum_RO = scratch[0][: R * E].reshape(R, E), scratch[1][: R * len(w_BEO) * BLOCK].reshape(R, -1)
    for r in range(R):
        for e in range(E):
            wide_RE[r, e] = widen(x_RE[r, e])
    for b in range(len(w_BEO)):
        r = 0
        while r + 8 <= R:
            multiply(EIGHT, wide_RE, r, w_BEO, b, sum_RO)
            r += 8
        if r + 4 <= R:
            multiply(FOUR, wide_RE, r, w_BEO, b, sum_RO)
            r += 4
        if r + 2 <= R:
            multiply(TWO, wide_RE, r, w_BEO, b, sum_RO)
            r += 2
        if r < R:
            multiply(ONE, wide_RE, r, w_BEO, b, sum_RO)
    for r in range(R):
        for o in range(out_RO.shape[1]):
            out_RO[r, o] = narrow(sum_RO[r, o] + bias_O[o], out_RO[0, 0])


@loop(cache=True)
def few_loop(sizes, ids_R, embed_VE, layers, last_norm, head, eps, rope, past, rows, scratch, states, logits_RV):  # type: ignore[no-untyped-def]
    norm1, qkv, q_norm, k_norm, out, norm2, gate_up, down = layers
    prompt_kv, own_kv = past
    x_RE, normed_RE, qkv_RX, attended_RX, gate_up_RF, active_RF, more_RE = states
    products, attention, nothing = scratch
    for r in range(len(ids_R)):
        x_RE[r] = embed_VE[ids_R[r]]
    norm_loop(x_RE, norm1[0], eps, normed_RE, nothing)
    for i in range(len(norm1)):
        product_loop(normed_RE, qkv[i][0], qkv[i][1], products, qkv_RX)
        norms = (q_norm[i], k_norm[i], eps)
        attend(sizes, qkv_RX, rope, norms, prompt_kv[i], own_kv[i], rows, attention, attended_RX)
        product_loop(attended_RX, out[i][0], out[i][1], products, more_RE)
        add_norm_loop(x_RE, more_RE, norm2[i], eps, x_RE, normed_RE, nothing)
        product_loop(normed_RE, gate_up[i][0], gate_up[i][1], products, gate_up_RF)
        swiglu_loop(gate_up_RF, active_RF)
        product_loop(active_RF, down[i][0], down[i][1], products, more_RE)
        following = norm1[i + 1] if i + 1 < len(norm1) else last_norm
        add_norm_loop(x_RE, more_RE, following, eps, x_RE, normed_RE, nothing)
    product_loop(normed_RE, head[0], head[1], products, logits_RV)
