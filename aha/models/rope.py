"""Rotary positions (arXiv 2104.09864), and the ways in which models were stretched to longer texts.

    linear    every angle divided by a factor (arXiv 2306.15595)
    llama3    slow angles divided, fast ones kept, a smooth step between (Llama 3.1)
    yarn      the same by the number of turns, and attention made sharper (arXiv 2309.00071)

Numbers are those of transformers. Left out: ways that change with the length of the text (dynamic, longrope).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["linear", "llama3", "yarn"]


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """How positions are stretched, under the names of `rope_scaling` in a Hugging Face `config.json`."""

    rope_type: Kind
    factor: float
    original_max_position_embeddings: int = 0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None
    mscale: float | None = None
    mscale_all_dim: float | None = None
    truncate: bool = True

    def record(self) -> dict[str, str | float | int | bool]:
        """As `config.json` has it."""
        values = {name: getattr(self, name) for name in _NAMES[self.rope_type]}
        return {"rope_type": self.rope_type} | {name: value for name, value in values.items() if value is not None}


_NAMES = {
    "linear": ("factor",),
    "llama3": ("factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"),
    "yarn": (
        "factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "attention_factor", "mscale",
        "mscale_all_dim", "truncate",
    ),
}  # fmt: skip


def angles(size: int, theta: float, positions: int, scaling: RopeScaling | None) -> tuple[Tensor, Tensor]:
    """cos and sin of the rotary angles of the first positions, fp32, [positions, size / 2] each."""
    period_D = theta ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    angle_ND = torch.arange(positions, dtype=torch.float32)[:, None] / period_D
    if scaling is None:
        return angle_ND.cos(), angle_ND.sin()
    kept_D = _kept(period_D, size, theta, scaling)
    angle_ND *= (1 - kept_D) / scaling.factor + kept_D
    sharpness = _sharpness(scaling)
    return angle_ND.cos() * sharpness, angle_ND.sin() * sharpness


def _kept(period_D: Tensor, size: int, theta: float, s: RopeScaling) -> Tensor:
    """How far each angle is kept as it was: 1 where all of it, 0 where it is divided by the factor."""
    if s.rope_type == "linear":
        return torch.zeros(size // 2)
    if s.rope_type == "llama3":
        turns_D = s.original_max_position_embeddings / (2 * math.pi * period_D)
        return ((turns_D - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor)).clamp(0, 1)

    def dimension(turns: float) -> float:
        """Which one turns so often within the original length."""
        return size * math.log(s.original_max_position_embeddings / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low, high = dimension(s.beta_fast), dimension(s.beta_slow)
    if s.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, size - 1)
    return 1 - ((torch.arange(size // 2) - low) / (high - low if high != low else 0.001)).clamp(0, 1)


def _sharpness(s: RopeScaling) -> float:
    """What cos and sin are multiplied by."""
    if s.rope_type != "yarn":
        return 1.0
    if s.attention_factor is not None:
        return s.attention_factor

    def grown(by: float) -> float:
        return 0.1 * by * math.log(s.factor) + 1 if s.factor > 1 else 1.0

    return grown(s.mscale) / grown(s.mscale_all_dim) if s.mscale and s.mscale_all_dim else grown(1)
