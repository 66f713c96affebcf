"""The kinds of numbers in GGUF files, as fp32. Weights are quantized in blocks that share a scale, and some an offset.

Shapes: N blocks, of 32 numbers or 256. Layouts are those of ggml's `ggml-common.h`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Bytes = np.ndarray


@dataclass(frozen=True, slots=True)
class Kind:
    """`block` numbers in `size` bytes."""

    name: str
    block: int
    size: int
    read: Callable[[Bytes], np.ndarray]


def dequantize(kind: int, data: Bytes) -> np.ndarray:
    """The numbers in these bytes, in fp32 and flat; the bytes are whole blocks."""
    known = KINDS[kind]
    return np.ascontiguousarray(known.read(data.reshape(-1, known.size)), np.float32).reshape(-1)


def _half(data_NB: Bytes) -> np.ndarray:
    """Pairs of bytes as numbers of 16 bits, [N, B / 2]."""
    return np.ascontiguousarray(data_NB).view("<f2").astype(np.float32)


def _plain(form: str) -> Callable[[Bytes], np.ndarray]:
    return lambda data_NB: (
        np.ascontiguousarray(data_NB).view(form).astype(np.float32)
    )  # a copy: the file stays as it is


def _bf16(data_NB: Bytes) -> np.ndarray:
    return (np.ascontiguousarray(data_NB).view("<u2").astype(np.uint32) << 16).view(np.float32)


def _nibbles(data_NB: Bytes) -> np.ndarray:
    """Numbers of four bits: the lower halves of all bytes, then the upper."""
    return np.concatenate((data_NB & 15, data_NB >> 4), 1).astype(np.float32)


def _q4_0(data_NB: Bytes) -> np.ndarray:
    return (_nibbles(data_NB[:, 2:]) - 8) * _half(data_NB[:, :2])


def _q4_1(data_NB: Bytes) -> np.ndarray:
    scale, offset = _half(data_NB[:, :2]), _half(data_NB[:, 2:4])
    return _nibbles(data_NB[:, 4:]) * scale + offset


def _q8_0(data_NB: Bytes) -> np.ndarray:
    return np.ascontiguousarray(data_NB[:, 2:]).view(np.int8).astype(np.float32) * _half(data_NB[:, :2])


def _q6_k(data_NB: Bytes) -> np.ndarray:
    """Six bits a number: four in one place, two in another; every 16 numbers have a scale, and all 256 another."""
    N = len(data_NB)
    low, high, scales, scale = np.split(data_NB, (128, 192, 208), 1)
    low = low.reshape(N, 2, 64)
    low = np.concatenate((low & 15, low >> 4), 2).reshape(N, 2, 4, 32)
    high = high.reshape(N, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8)[:, None] & 3
    numbers = (low | high << 4).astype(np.float32).reshape(N, 16, 16) - 32
    steps = np.ascontiguousarray(scales).view(np.int8).astype(np.float32)
    return (numbers * (steps * _half(scale))[:, :, None]).reshape(N, 256)


KINDS = {
    0: Kind("F32", 1, 4, _plain("<f4")),
    1: Kind("F16", 1, 2, _plain("<f2")),
    2: Kind("Q4_0", 32, 18, _q4_0),
    3: Kind("Q4_1", 32, 20, _q4_1),
    8: Kind("Q8_0", 32, 34, _q8_0),
    14: Kind("Q6_K", 256, 210, _q6_k),
    30: Kind("BF16", 1, 2, _bf16),
}
"""By ggml's numbers."""
