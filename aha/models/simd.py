"""Loops that a compiler turns into vector instructions: what PyTorch cannot fuse on a CPU.

Numba compiles each function on first use and keeps the machine code beside the source. NumPy has no bf16, so arrays of
bf16 travel as their bits, uint16: `widen` and `narrow` convert, and every loop takes either kind. None of them holds
Python's lock, so several threads run at once.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload
from torch import Tensor

EXACT = {"contract", "nnan", "nsz"}
"""Liberties that leave the order of additions alone."""
LOOSE = EXACT | {"reassoc", "arcp"}
"""Sums may be taken in any order, which is what lets a dot product use vectors."""


loop = partial(njit, nogil=True, error_model="numpy", forceinline=True)
"""Compile a loop. Without the NumPy error model every division is guarded by a branch, which keeps it from vectors.

A loop must be inlined where it is used: otherwise a process that compiles it and one that loads the machine code may link
different copies of it, which add in different orders, and a run on a new machine would not be its own continuation.
"""


def bits(x: Tensor) -> np.ndarray:
    """The tensor's memory as an array that the loops accept: fp32 as it is, bf16 as uint16."""
    return x.view(torch.uint16).numpy() if x.dtype == torch.bfloat16 else x.numpy()


def _reinterpret(source: Any, target: Any, as_type: ir.Type) -> Any:
    """A function from one type of 32 bits to another that leaves the bits alone."""

    def bitcast(typing_context, x):  # type: ignore[no-untyped-def]
        return target(source), lambda _, builder, __, args: builder.bitcast(args[0], as_type)

    return intrinsic(bitcast)


as_float = _reinterpret(types.uint32, types.float32, ir.FloatType())
as_bits = _reinterpret(types.float32, types.uint32, ir.IntType(32))
"""The bits of a float; numbers that are not negative are ordered as their bits are."""


def widen(x: Any) -> Any:
    """An element as a float."""


@overload(widen, inline="always")
def _widen(x):  # type: ignore[no-untyped-def]
    if x == types.uint16:
        return lambda x: as_float(np.uint32(x) << np.uint32(16))
    return lambda x: x


def narrow(x: Any, like: Any) -> Any:
    """A float as an element of the kind of `like`, rounded to the nearest, ties to even."""


@overload(narrow, inline="always")
def _narrow(x, like):  # type: ignore[no-untyped-def]
    if like != types.uint16:
        return lambda x, like: np.float32(x)

    def to_bf16(x, like):  # type: ignore[no-untyped-def]
        b = as_bits(np.float32(x))
        return np.uint16((b + np.uint32(0x7FFF) + ((b >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))

    return to_bf16


@loop(cache=True, fastmath=EXACT)
def exp(x):  # type: ignore[no-untyped-def]
    """e^x for x <= 0 to five digits or more, and e^-87 below -87: a polynomial for the fraction, the exponent's bits for the rest."""
    power = max(x, np.float32(-87.0)) * np.float32(1.4426950408889634)
    whole = np.floor(power + np.float32(0.5))
    f = power - whole
    p = np.float32(1.5252733804059841e-05)
    p = p * f + np.float32(0.00015403530393381608)
    p = p * f + np.float32(0.0013333558146428443)
    p = p * f + np.float32(0.009618129107628477)
    p = p * f + np.float32(0.05550410866482158)
    p = p * f + np.float32(0.2402265069591007)
    p = p * f + np.float32(0.6931471805599453)
    p = p * f + np.float32(1.0)
    return p * as_float(np.uint32(np.int32(whole) + np.int32(127)) << np.uint32(23))
