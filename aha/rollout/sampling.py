"""Draw tokens from logits, with randomness that belongs to the request.

The noise for token t of a sample is a function of (seed, prompt, sample, t) alone, so a reply does not depend on who
shared its batch, and a resumed run draws the same replies. One uniform number a token and the inverse of the
distribution function cost far less than noise for every entry of the vocabulary. Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

import hashlib

import numpy as np
from torch import Tensor

from aha.models.simd import EXACT, LOOSE, as_bits, as_float, bits, exp, loop, widen
from aha.models.vector import top_of
from aha.types import Sampling

BLOCK = 64
"""Vocabulary entries summed together: the draw finds the block first, then the entry."""
DEEP, LEAST = np.float32(np.inf), np.float32(1e-30)
"""Deeper than any logit that can be drawn; a goal that the likeliest token alone reaches."""


def request_key(seed: int, prompt_ids: list[int], occurrence: int, sample: int) -> int:
    """64 bits that name one sample of one prompt. `occurrence` tells equal prompts of one call apart."""
    text = f"{seed}:{occurrence}:{sample}:{prompt_ids}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


@loop(cache=True)
def uniform(key, t):  # type: ignore[no-untyped-def]
    """A number in [0, 1) for token t of a request: splitmix64 (Steele et al. 2014) as a counter-based generator."""
    x = np.uint64(key) + (np.uint64(t) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return np.float32(x >> np.uint64(40)) * np.float32(2**-24)


def draw(logits_RV: Tensor, key_R: np.ndarray, t_R: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, np.ndarray]:
    """Token t_R of each request, and its log-probability under the distribution that was sampled, [R] int64 and fp32.

    Temperature, then top-k, then top-p. Greedy tokens (temperature 0) carry their log-probability at temperature 1.
    """
    token_R, logp_R = np.empty(len(key_R), np.int64), np.empty(len(key_R), np.float32)
    if sampling.temperature == 0:
        _likeliest(bits(logits_RV), token_R, logp_R)
        return token_R, logp_R
    u_R, sharpness = np.empty(len(key_R), np.float32), np.float32(1 / sampling.temperature)
    _uniforms(key_R, t_R, u_R)
    if sampling.top_k or sampling.top_p < 1:
        limits = np.float32(sampling.top_k or np.inf), np.float32(sampling.top_p)
        _draw_likely(bits(logits_RV), u_R, sharpness, limits, token_R, logp_R)
    else:
        _draw(bits(logits_RV), u_R, sharpness, token_R, logp_R)
    return token_R, logp_R


@loop(cache=True)
def _uniforms(key_R, t_R, u_R):  # type: ignore[no-untyped-def]
    for r in range(len(key_R)):
        u_R[r] = uniform(key_R[r], t_R[r])


@loop(cache=True, fastmath=LOOSE)
def _weigh(logit_V, top, sharpness, weight_V):  # type: ignore[no-untyped-def]
    """exp((logit - top) sharpness) of some entries; returns their sum."""
    total = np.float32(0)
    for v in range(len(logit_V)):
        x = (widen(logit_V[v]) - top) * sharpness
        weight_V[v] = exp(x) if x > -80 else np.float32(0)
        total += weight_V[v]
    return total


@loop(cache=True, fastmath=EXACT)
def _pick(weight_V, sum_B, goal, total):  # type: ignore[no-untyped-def]
    """The token at which the weights, added up, pass the goal, and its log-probability."""
    below, b, token = np.float32(0), 0, 0
    while b + 1 < len(sum_B) and below + sum_B[b] <= goal:
        below += sum_B[b]
        b += 1
    for v in range(b * BLOCK, len(weight_V)):
        if weight_V[v] > 0:  # rounding may leave the goal unreached: then the last possible token is it
            token = v
            below += weight_V[v]
            if below > goal:
                break
    return token, np.log(weight_V[token] / total)


@loop(cache=True, fastmath=EXACT)
def _descend(logit_V, top, below_V):  # type: ignore[no-untyped-def]
    """How far each logit is below the top."""
    for v in range(len(logit_V)):
        below_V[v] = top - widen(logit_V[v])


@loop(cache=True, fastmath=LOOSE)
def _within(below_V, amount_V, depth):  # type: ignore[no-untyped-def]
    """The sum of what lies less than `depth` below the top."""
    total = np.float32(0)
    for v in range(len(below_V)):
        total += amount_V[v] if below_V[v] < depth else np.float32(0)
    return total


@loop(cache=True)
def _mask(weight_V, kept_V):  # type: ignore[no-untyped-def]
    for v in range(len(weight_V)):
        weight_V[v] = weight_V[v] if kept_V[v] > 0 else np.float32(0)


@loop(cache=True, fastmath=EXACT)
def _cut(below_V, amount_V, goal):  # type: ignore[no-untyped-def]
    """Zero the amounts of all but the fewest entries, from the top down, that reach the goal; of equal ones the first stay.

    An entry stays while what lies above it is less than the goal. How far down that goes is found by bisection, over the
    bits of the number: sorting a vocabulary takes far longer.
    """
    low, high = np.uint32(0), as_bits(DEEP)
    while low < high:
        middle = high - (high - low) // np.uint32(2)
        if _within(below_V, amount_V, as_float(middle)) < goal:
            low = middle
        else:
            high = middle - np.uint32(1)
    depth = as_float(low)
    above = _within(below_V, amount_V, depth)
    for v in range(len(below_V)):
        if below_V[v] > depth:
            amount_V[v] = 0
        elif below_V[v] == depth:
            amount_V[v] = amount_V[v] if above < goal else np.float32(0)
            above += amount_V[v]


@loop(cache=True, fastmath=EXACT)
def _add_up(weight_V, sum_B):  # type: ignore[no-untyped-def]
    """The sum of each block; returns that of all."""
    total = np.float32(0)
    for b in range(len(sum_B)):
        span = slice(b * BLOCK, b * BLOCK + BLOCK)
        sum_B[b] = _within(weight_V[span], weight_V[span], DEEP)
        total += sum_B[b]
    return total


@loop(cache=True, fastmath=EXACT)
def _nucleus(below_V, weight_V, total, top_p, near_V, at_V):  # type: ignore[no-untyped-def]
    """Zero the weights of all but the fewest tokens whose probability reaches top_p.

    Weights of at most (1 - p) total / V cannot be among them: even all together they do not make up what is left out. The
    others, few as a rule, are pushed together at the front first.
    """
    bound, m = np.float32(0.5) * (np.float32(1) - top_p) * total / np.float32(len(weight_V)), 0
    for v in range(len(weight_V)):
        below_V[m], near_V[m], at_V[m] = below_V[v], weight_V[v], v
        m += weight_V[v] > bound
    _cut(below_V[:m], near_V[:m], max(LEAST, top_p * total))
    weight_V[:] = 0
    for i in range(m):
        weight_V[at_V[i]] = near_V[i]


@loop(cache=True, fastmath=EXACT)
def _likeliest(logits_RV, token_R, logp_R):  # type: ignore[no-untyped-def]
    """The first of the likeliest tokens, and its log-probability."""
    weight_V = np.empty(logits_RV.shape[1], np.float32)
    for r in range(len(token_R)):
        logit_V, token = logits_RV[r], 0
        top = top_of(logit_V)
        total = _weigh(logit_V, top, np.float32(1), weight_V)
        while token + 1 < len(logit_V) and widen(logit_V[token]) != top:
            token += 1
        token_R[r], logp_R[r] = token, -np.log(total)


@loop(cache=True, fastmath=EXACT)
def _draw(logits_RV, u_R, sharpness, token_R, logp_R):  # type: ignore[no-untyped-def]
    V = logits_RV.shape[1]
    weight_V, sum_B = np.empty(V, np.float32), np.empty((V + BLOCK - 1) // BLOCK, np.float32)
    for r in range(len(token_R)):
        top, total = top_of(logits_RV[r]), np.float32(0)
        for b in range(len(sum_B)):
            span = slice(b * BLOCK, b * BLOCK + BLOCK)
            sum_B[b] = _weigh(logits_RV[r, span], top, sharpness, weight_V[span])
            total += sum_B[b]
        token_R[r], logp_R[r] = _pick(weight_V, sum_B, u_R[r] * total, total)


@loop(cache=True, fastmath=EXACT)
def _draw_likely(logits_RV, u_R, sharpness, limits, token_R, logp_R):  # type: ignore[no-untyped-def]
    """As `_draw`, among the top_k tokens and the fewest of them whose probability reaches top_p."""
    V = logits_RV.shape[1]
    below_V, weight_V, one_V = np.empty(V, np.float32), np.empty(V, np.float32), np.empty(V, np.float32)
    sum_B, at_V = np.empty((V + BLOCK - 1) // BLOCK, np.float32), np.empty(V, np.int32)
    for r in range(len(token_R)):
        top = top_of(logits_RV[r])
        _weigh(logits_RV[r], top, sharpness, weight_V)
        _descend(logits_RV[r], top, below_V)
        if limits[0] < V:
            one_V[:] = 1
            _cut(below_V, one_V, limits[0])
            _mask(weight_V, one_V)
        total = _add_up(weight_V, sum_B)
        if limits[1] < 1:
            _nucleus(below_V, weight_V, total, limits[1], one_V, at_V)
            total = _add_up(weight_V, sum_B)
        token_R[r], logp_R[r] = _pick(weight_V, sum_B, u_R[r] * total, total)
