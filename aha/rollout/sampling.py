"""Draw tokens from logits, with randomness that belongs to the request.

The noise for token t of a sample is a function of (seed, prompt, sample, t) alone, so a reply does not depend on who
shared its batch, and a resumed run draws the same replies. One uniform number a token and the inverse of the
distribution function cost far less than noise for every entry of the vocabulary.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from aha.types import Sampling

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def request_key(seed: int, prompt_ids: list[int], occurrence: int, sample: int) -> int:
    """64 bits that name one sample of one prompt. `occurrence` tells equal prompts of one call apart."""
    text = f"{seed}:{occurrence}:{sample}:{prompt_ids}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def uniform(key_S: np.ndarray, t_S: np.ndarray) -> Tensor:
    """Numbers in [0, 1) for token t of each request: splitmix64 (Steele et al. 2014) as a counter-based generator."""
    with np.errstate(over="ignore"):
        x = key_S + (t_S.astype(np.uint64) + np.uint64(1)) * _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return torch.from_numpy((x >> np.uint64(40)).astype(np.float32) * np.float32(2**-24))


def draw(logits_SV: Tensor, u_S: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Tokens and their log-probabilities under the distribution that was sampled, [S] and [S] in fp32.

    Temperature, then top-k, then top-p. Greedy tokens (temperature 0) carry their log-probability at temperature 1.
    """
    logits_SV = logits_SV.float()
    if sampling.temperature == 0:
        token_S = logits_SV.argmax(-1)
        return token_S, logits_SV.log_softmax(-1).gather(1, token_S[:, None])[:, 0]
    if sampling.temperature != 1:
        logits_SV = logits_SV / sampling.temperature
    if sampling.top_k or sampling.top_p < 1:
        logits_SV = _truncate(logits_SV, sampling.top_k, sampling.top_p)
    weight_SV = (logits_SV - logits_SV.amax(-1, keepdim=True)).exp_()
    below_SV = weight_SV.cumsum(-1)
    total_S1 = below_SV[:, -1:]
    # a hair below the total, so that rounding never lands past the last token of positive probability
    token_S1 = torch.searchsorted(below_SV, u_S[:, None] * total_S1 * (1 - 2**-20), right=True)
    token_S1.clamp_(max=logits_SV.shape[1] - 1)
    return token_S1[:, 0], (weight_SV.gather(1, token_S1) / total_S1).log_()[:, 0]


def _truncate(logits_SV: Tensor, top_k: int, top_p: float) -> Tensor:
    """-inf for all but the top_k tokens, then for all but the fewest whose probability reaches top_p."""
    order_SV = logits_SV.argsort(dim=-1, descending=True, stable=True)
    sorted_SV = logits_SV.gather(1, order_SV)
    if top_k:
        sorted_SV[:, top_k:] = -torch.inf
    before_SV = sorted_SV.softmax(-1).cumsum(-1) - sorted_SV.softmax(-1)
    sorted_SV[before_SV >= top_p] = -torch.inf
    return torch.empty_like(logits_SV).scatter_(1, order_SV, sorted_SV)
