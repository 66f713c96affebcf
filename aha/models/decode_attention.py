"""Attention of one new token a row against the keys and values of its past, as one loop.

A row's past is its prompt's, which a group of rows shares, and its own. Every row reads exactly as many positions as it
has, so rows of any lengths run together. Shapes: R rows, H query heads, K key/value heads, G = H / K, D head size.
"""

from __future__ import annotations

import numpy as np

from aha.models.causal_softmax import softmax_row
from aha.models.kernels import rotate_head, rstd, scale_row
from aha.models.simd import LOOSE, loop, narrow
from aha.models.vector import mix, prefetch, score

TILE = 16
"""Positions scored or mixed at a time, so that the sums stay in registers. Blocks of keys and values are whole tiles."""
WHOLE, QUARTER, ONE = (None,) * TILE, (None,) * (TILE // 4), (None,)


@loop(cache=True, fastmath=LOOSE)
def attend(sizes, qkv_RX, rope, norms, prompt_kv, own_kv, rows, scratch, out_RX):  # type: ignore[no-untyped-def]
    """Row r's past: prompt_length_R[r] positions of prompt block prompt_R[r], length_R[r] of its own block.

    `sizes` are tuples of G and D Nones: known sizes are what makes the loop vectorize.
    """
    G, D = len(sizes[0]), len(sizes[1])
    scale = np.float32(1) / np.sqrt(np.float32(D))
    (cos_ND, sin_ND), (q_norm, k_norm, eps) = rope, norms
    (pk, pv), (k, v) = prompt_kv, own_kv
    q_GD, score_GN, sum_GD = scratch
    prompt_R, prompt_length_R, slot_R, length_R = rows
    K = k.shape[1]
    like = qkv_RX[0, 0]
    for r in range(len(slot_R)):
        slot, prompt, n, t = slot_R[r], prompt_R[r], prompt_length_R[r], length_R[r]
        cos, sin, row = cos_ND[n + t], sin_ND[n + t], qkv_RX[r]
        for head in range(K):
            key, value = row[(G * K + head) * D :][:D], row[(G * K + K + head) * D :][:D]
            if len(k_norm):
                scale_row(key, rstd(key, eps), k_norm, key)
            rotate_head(key, cos, sin, 1, k[slot, head, t])
            v[slot, head, t] = value
            for g in range(G):
                query = row[(head * G + g) * D :][:D]
                if len(q_norm):
                    scale_row(query, rstd(query, eps), q_norm, query)
                rotate_head(query, cos, sin, 1, q_GD[g])
            sum_GD[:] = 0
            following = slot_R[r + 1] if r + 1 < len(slot_R) else slot
            for length, start, keys, ahead in (
                (n, 0, pk[prompt, head], pv[prompt, head]),
                (t + 1, n, k[slot, head], v[slot, head]),
            ):
                for i in range(0, length, TILE):  # what a tile reads too much is overwritten or never looked at
                    prefetch(sizes, WHOLE, ahead, i)
                    score(sizes, WHOLE, q_GD, keys, i, score_GN, start + i)
            for g in range(G):
                softmax_row(score_GN[g, : n + t + 1], scale)
            for length, start, values, ahead in (
                (n, 0, pv[prompt, head], pk[prompt, head]),
                (t + 1, n, v[slot, head], k[following, head]),
            ):
                whole, quarters = length // TILE * TILE, length // 4 * 4
                for i in range(0, whole, TILE):
                    prefetch(sizes, WHOLE, ahead, i)
                    mix(sizes, WHOLE, score_GN, start + i, values, i, sum_GD)
                for i in range(whole, quarters, 4):
                    mix(sizes, QUARTER, score_GN, start + i, values, i, sum_GD)
                for i in range(quarters, length):
                    mix(sizes, ONE, score_GN, start + i, values, i, sum_GD)
            for g in range(G):
                for d in range(D):
                    out_RX[r, (head * G + g) * D + d] = narrow(sum_GD[g, d], like)
