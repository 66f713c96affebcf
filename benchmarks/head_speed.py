"""Log-probabilities of tokens and their gradients: in tiles (aha/train/head.py) beside log_softmax over all logits at once.

    python -m benchmarks.head_speed [--rounds 5] [--dtype fp32]

One thread, the sizes of the embedded model and of SmolLM2-135M; in turn, the first round untimed. `of peak` is the
arithmetic of the matrix products (one forward, two backward, and one more where the tiles are too many to be kept) over the
time, as a share of what one large product reaches on the spot.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from aha.models.allocator import keep_memory
from aha.models.precision import DTYPES
from aha.train.head import KEPT_LOGITS, chunked_logp
from benchmarks.aha_side import matrix_peak
from benchmarks.grpo_vs_trl import machine

SIZES = {"embedded": (8192, 192, 2048), "SmolLM2": (3072, 576, 49_152)}
"""Tokens, width, vocabulary."""


def plain(hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor) -> Tensor:
    """All logits at once."""
    logp_NV = (hidden_ND @ weight_VD.T).float().log_softmax(-1)
    return logp_NV.gather(1, target_N[:, None])[:, 0]


def seconds(logp: Callable[[Tensor, Tensor, Tensor], Tensor], inputs: tuple[Tensor, Tensor, Tensor]) -> float:
    """Of one forward and backward pass."""
    began = time.perf_counter()
    logp(*inputs).sum().backward()
    took = time.perf_counter() - began
    for x in inputs[:2]:
        x.grad = None
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", choices=list(DTYPES), default="bf16", help="bf16 is slow where the CPU lacks it")
    options = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    dtype = DTYPES[options.dtype]
    peak = matrix_peak(dtype)
    print(machine(), options.dtype, f"{peak / 1e9:.0f} GFLOP/s")
    for name, (N, D, V) in SIZES.items():
        hidden, weight = (
            torch.randn(N, D).to(dtype).requires_grad_(),
            (torch.randn(V, D) / 50).to(dtype).requires_grad_(),
        )
        inputs = hidden, weight, torch.randint(0, V, (N,))
        ways = {"tiles": lambda *x: chunked_logp(*x)[0], "plain": plain}
        found: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(options.rounds + 1):
            for way, logp in ways.items():
                took = seconds(logp, inputs)
                found[way] += [took] if number else []
        for way, times in found.items():
            products = 4 if way == "tiles" and N * V > KEPT_LOGITS else 3
            share = products * 2.0 * N * D * V / statistics.median(times) / peak
            spread = f"{1e3 * min(times):.0f} to {1e3 * max(times):.0f}"
            print(f"{name:9} {way}: {1e3 * statistics.median(times):6.0f} ms ({spread}), {100 * share:.0f} % of peak")


if __name__ == "__main__":
    main()
