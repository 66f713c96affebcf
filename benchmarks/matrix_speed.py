"""How fast this processor multiplies in bf16 and in fp32, at the sizes of training, and which of them aha takes.

    python -m benchmarks.matrix_speed [--repeats 5] [--threads 1 2] [--json]

The sizes are those of a micro-batch of 2,048 tokens through the widest product of the embedded model's blocks, and of
SmolLM2-135M's: forward (x W^T), gradient of x and gradient of W. The median of the repetitions counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from aha.models.precision import DTYPES, fastest

TOKENS = 2048
WIDTHS = {"embedded": (256, 704), "SmolLM2-135M": (576, 1536)}
MOST = 0.4
"""Seconds of one repetition."""


def rate(product: Callable[[], Tensor], work: float, repeats: int) -> float:
    """Floating-point operations a second of a product that takes `work` of them."""
    began = time.perf_counter()
    product()
    times = max(1, int(MOST / (time.perf_counter() - began + 1e-6)) // 2)
    rates = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(times):
            product()
        rates.append(times * work / (time.perf_counter() - began))
    return statistics.median(rates)


def rates(width: int, wide: int, dtype: torch.dtype, repeats: int) -> dict[str, float]:
    """GFLOP/s of the three products of a linear layer."""
    x_TD, w_FD, dy_TF = (torch.randn(*n).to(dtype) for n in ((TOKENS, width), (wide, width), (TOKENS, wide)))
    work = 2.0 * TOKENS * width * wide
    products = {"forward": lambda: x_TD @ w_FD.mT, "dx": lambda: dy_TF @ w_FD, "dw": lambda: dy_TF.mT @ x_TD}
    return {name: rate(product, work, repeats) / 1e9 for name, product in products.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for threads in args.threads:
        torch.set_num_threads(threads)
        for model, (width, wide) in WIDTHS.items():
            for name, dtype in DTYPES.items():
                found = rates(width, wide, dtype, args.repeats)
                rows.append({"threads": threads, "model": model, "dtype": name} | found)
    report = {"processor": torch.backends.cpu.get_cpu_capability(), "aha_takes": fastest(), "gflops": rows}
    if args.json:
        return print(json.dumps(report))
    print(f"{report['processor']}; aha computes in {report['aha_takes']}. GFLOP/s:")
    print(f"{'threads':>7} {'model':14} {'dtype':5} {'forward':>8} {'dx':>8} {'dW':>8}")
    for r in rows:
        print(f"{r['threads']:7} {r['model']:14} {r['dtype']:5} {r['forward']:8.1f} {r['dx']:8.1f} {r['dw']:8.1f}")


if __name__ == "__main__":
    main()
