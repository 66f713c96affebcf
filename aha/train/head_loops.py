"""A tile of logits, reduced or turned into its gradient in one pass while it is in the cache.

Shapes: C rows, B entries of the vocabulary, the first of which is entry `start`. Logits are the tile's times `sharpness`.
"""

from __future__ import annotations

import numpy as np

from aha.models.simd import EXACT, LOOSE, exp, loop, narrow, widen
from aha.models.vector import top_of

LOWEST = np.float32(-80)
"""e to less than this counts as nothing."""


@loop(cache=True, fastmath=LOOSE)
def _sums(x_B, sharpness, top):  # type: ignore[no-untyped-def]
    """The sum of e^(logit - top), and of that times (logit - top)."""
    total, moment = np.float32(0), np.float32(0)
    for b in range(len(x_B)):
        below = widen(x_B[b]) * sharpness - top
        share = exp(below) if below > LOWEST else np.float32(0)
        total += share
        moment += share * below
    return total, moment


@loop(cache=True, fastmath=EXACT)
def absorb_loop(x_CB, sharpness, target_C, start, state_4C):  # type: ignore[no-untyped-def]
    """Take a tile into each row's running top logit, sum, first moment below the top, and logit of its target."""
    for r in range(len(x_CB)):
        x_B, target = x_CB[r], target_C[r] - start
        before, total, moment = state_4C[0, r], state_4C[1, r], state_4C[2, r]
        top = max(before, top_of(x_B) * sharpness)
        lower = before - top
        shrunk = exp(lower) if lower > LOWEST else np.float32(0)
        more, more_moment = _sums(x_B, sharpness, top)
        state_4C[2, r] = shrunk * (moment + max(lower, LOWEST) * total) + more_moment
        state_4C[1, r] = shrunk * total + more
        state_4C[0, r] = top
        if 0 <= target < len(x_B):
            state_4C[3, r] = widen(x_B[target]) * sharpness


@loop(cache=True, fastmath=EXACT)
def _errors(x_B, sharpness, normaliser, scale):  # type: ignore[no-untyped-def]
    for b in range(len(x_B)):
        below = widen(x_B[b]) * sharpness - normaliser
        x_B[b] = narrow(exp(below) * scale if below > LOWEST else np.float32(0), x_B[0])


@loop(cache=True, fastmath=EXACT)
def errors_loop(x_CB, sharpness, target_C, start, normaliser_C, scale_C):  # type: ignore[no-untyped-def]
    """Overwrite a tile with (p - 1 at the target) scale.

    The 1 is taken off before rounding: for a token the model is sure of, both nearly cancel.
    """
    for r in range(len(x_CB)):
        x_B, target = x_CB[r], target_C[r] - start
        held = widen(x_B[target]) if 0 <= target < len(x_B) else np.float32(0)
        _errors(x_B, sharpness, normaliser_C[r], scale_C[r])
        if 0 <= target < len(x_B):
            share = exp(min(np.float32(0), held * sharpness - normaliser_C[r]))
            x_B[target] = narrow((share - np.float32(1)) * scale_C[r], x_B[0])
