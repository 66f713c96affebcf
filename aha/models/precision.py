"""bf16 or fp32: the arithmetic that this processor is faster in.

Where a processor multiplies bf16 itself (AMX, AVX-512 BF16, BF16 of ARM), that is faster than fp32; where it does not, every
product converts first and is many times slower (`python -m benchmarks.matrix_speed`).
"""

from __future__ import annotations

import platform
from functools import cache

import torch

from aha.errors import ConfigError
from aha.types import Precision

DTYPES: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}


@cache
def fastest() -> Precision:
    """What to compute in here, by what the processor says of itself: a measurement could come out otherwise next time."""
    if platform.machine() in ("x86_64", "AMD64"):
        # oneDNN also takes bf16 where there is AVX-512 without products of it, and is slower then than with fp32.
        products = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        products = True
    return "bf16" if products and torch.ops.mkldnn._is_mkldnn_bf16_supported() else "fp32"


def precision(name: str) -> Precision:
    """The precision of that name, or the fastest where none is named. Raises ConfigError for another."""
    if not name:
        return fastest()
    for known in DTYPES:
        if known == name:
            return known
    raise ConfigError(f"--dtype is {name!r}; give {' or '.join(DTYPES)}")
