"""Draw tokens from logits, with randomness that belongs to the request.

The noise for token t of a sample is a function of (seed, prompt, sample, t) alone, so a reply does not depend on who
shared its batch, and a resumed run draws the same replies. One uniform number a token and the inverse of the
distribution function cost far less than noise for every entry of the vocabulary. Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from aha.models.simd import EXACT, LOOSE, bits, exp, loop, widen
from aha.models.vector import top_of
from aha.types import Sampling

BLOCK = 64
"""Vocabulary entries summed together: the draw finds the block first, then the entry."""


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
    if sampling.temperature == 0:
        logp_R1, token_R1 = logits_RV.float().log_softmax(-1).max(-1, keepdim=True)
        return token_R1[:, 0].numpy(), logp_R1[:, 0].numpy()
    sharpness = 1 / sampling.temperature
    if sampling.top_k or sampling.top_p < 1:
        logits_RV = _truncate(logits_RV.float() * sharpness, sampling.top_k, sampling.top_p)
        sharpness = 1.0
    token_R, logp_R = np.empty(len(key_R), np.int64), np.empty(len(key_R), np.float32)
    u_R = np.empty(len(key_R), np.float32)
    _uniforms(key_R, t_R, u_R)
    _draw(bits(logits_RV), u_R, np.float32(sharpness), token_R, logp_R)
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
def _draw(logits_RV, u_R, sharpness, token_R, logp_R):  # type: ignore[no-untyped-def]
    V = logits_RV.shape[1]
    weight_V, sum_B = np.empty(V, np.float32), np.empty((V + BLOCK - 1) // BLOCK, np.float32)
    for r in range(len(token_R)):
        top, total = top_of(logits_RV[r]), np.float32(0)
        for b in range(len(sum_B)):
            span = slice(b * BLOCK, b * BLOCK + BLOCK)
            sum_B[b] = _weigh(logits_RV[r, span], top, sharpness, weight_V[span])
            total += sum_B[b]
        goal, below, b, token = u_R[r] * total, np.float32(0), 0, 0
        while b + 1 < len(sum_B) and below + sum_B[b] <= goal:
            below += sum_B[b]
            b += 1
        for v in range(b * BLOCK, V):
            if weight_V[v] > 0:  # rounding may leave the goal unreached: then the last possible token is it
                token = v
                below += weight_V[v]
                if below > goal:
                    break
        token_R[r], logp_R[r] = token, np.log(weight_V[token] / total)


def _truncate(logits_SV: Tensor, top_k: int, top_p: float) -> Tensor:
    """-inf for all but the top_k tokens, then for all but the fewest whose probability reaches top_p."""
    order_SV = logits_SV.argsort(dim=-1, descending=True, stable=True)
    sorted_SV = logits_SV.gather(1, order_SV)
    if top_k:
        sorted_SV[:, top_k:] = -torch.inf
    before_SV = sorted_SV.softmax(-1).cumsum(-1) - sorted_SV.softmax(-1)
    sorted_SV[before_SV >= top_p] = -torch.inf
    return torch.empty_like(logits_SV).scatter_(1, order_SV, sorted_SV)
