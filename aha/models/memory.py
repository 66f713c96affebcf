"""How much memory a model takes: to sample, to fine-tune, to reinforce. Counted from its config alone.

    memory.parts(config, tokens=8192, dtype=torch.bfloat16, lora=16).total      # bytes

Counted is what the decoder, autograd, optimizer and engine hold at the worst moment; not the PROGRAM itself. How far
that is from the truth says `python -m benchmarks.memory_estimates`.
Letters: W weights, E width, F width of the feed-forward layer, L layers, V vocabulary, N tokens of a micro-batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from aha.models.load import expected_shapes
from aha.models.memory_here import available, memory_here
from aha.models.transformer import ModelConfig

__all__ = [
    "PROGRAM", "Parts", "available", "drawing", "gigabytes", "memory_here", "parts", "reinforcing", "row_bytes",
    "rows_at_once", "sampling", "weights",
]  # fmt: skip

PROGRAM = 450 << 20
"""Python, torch and the compiled loops, before there is a model."""
SLOTS, CACHE = 512, 4 << 30
"""Rows that an engine draws at once at most, and the bytes of keys and values it holds."""
READ = 8192
"""Prompt tokens that are read at once at most."""
SMALL = 16_000_000
"""Models of up to so many weights are laid out for decoding once more, for few rows."""
LARGE = 500_000
"""Matrices of so many weights or more are laid out for decoding once more, as all are in bf16."""
WASTE = 1.3
"""What a micro-batch takes for each byte it holds: tensors of many sizes come and go, and leave gaps between them.
Measured: 1.24 to 1.37, `python -m benchmarks.memory_estimates`, two threads of a Xeon, glibc 2.36, 2026-11-23."""
EXACT = 4
"""Bytes of a number in fp32: of masters, moments, and sums of gradients."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Bytes at the worst moment of training, by what they are for."""

    weights: int
    """What multiplies, and with adapters the untouched weights beside it."""
    masters: int
    """The fp32 weights that learn, where they are not those that multiply."""
    moments: int
    """AdamW's two averages."""
    sums: int
    """Gradients of the micro-batches before, added up in fp32, by each thread."""
    reference: int
    working: int
    """What a micro-batch leaves for its backward pass, or the gradients at the end of it if that is more."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.masters + self.moments + self.sums + self.reference + self.working

    @property
    def resting(self) -> int:
        """What stays while nothing is trained, such as between steps."""
        return self.total - self.working


def weights(config: ModelConfig) -> int:
    """How many weights a model has."""
    return sum(math.prod(shape) for _, shape in expected_shapes(config))


def parts(
    config: ModelConfig,
    tokens: int,
    dtype: torch.dtype,
    lora: int = 0,
    recompute: bool = False,
    reference: bool = False,
    threads: int | None = None,
) -> Parts:
    """What it takes to train a model on micro-batches of `tokens` tokens, of all `threads` together (none: torch's).

    With `lora` only adapters of that rank learn, and the weights they correct are kept twice. With `recompute` a layer
    keeps its inputs, and one layer at a time the rest. `reference` is a second, frozen model, as KL needs.
    """
    threads = threads or torch.get_num_threads()
    whole, size, inner = weights(config), dtype.itemsize, _matrices(config)
    learnt = sum(lora * (rows + columns) for rows, columns in inner) * config.num_hidden_layers if lora else whole
    copied = config.num_hidden_layers * sum(rows * columns for rows, columns in inner) if lora else 0
    own = EXACT if lora else size
    """Bytes of a number of what learns; adapters are fp32 whatever the model is."""
    grown = threads * (own * learnt + (0 if lora else 2 * size * config.vocab_size * config.hidden_size))
    return Parts(
        weights=size * (whole + copied),
        masters=EXACT * learnt if own != EXACT or lora else 0,
        moments=2 * EXACT * learnt,
        sums=threads * EXACT * learnt,
        reference=size * whole if reference else 0,
        working=int(WASTE * max(_activations(config, tokens, size, bool(lora), recompute, threads), grown)),
    )


def sampling(config: ModelConfig, rows: int, positions: int, dtype: torch.dtype) -> int:
    """Bytes to draw `rows` replies of `positions` tokens with their prompts: weights and what is drawn with them."""
    return dtype.itemsize * weights(config) + drawing(config, rows, positions, dtype)


def drawing(config: ModelConfig, rows: int, positions: int, dtype: torch.dtype) -> int:
    """What sampling takes beside the weights: their second layout, keys and values, and what a step computes in."""
    c, size = config, dtype.itemsize
    rows = rows_at_once(c, rows, positions, dtype)
    gate_up = 2 * c.num_hidden_layers * c.hidden_size * c.intermediate_size
    matrices = [r * k for r, k in _matrices(c)] * c.num_hidden_layers + [c.vocab_size * c.hidden_size]
    packed = sum(count for count in matrices if dtype == torch.bfloat16 or count >= LARGE)
    laid_out = gate_up + packed + (sum(matrices) if weights(c) <= SMALL else 0)
    read = min(rows * positions, READ)
    prompts = read * (row_bytes(c, 1, dtype) + size * (4 * c.hidden_size + 3 * c.intermediate_size))
    return size * laid_out + row_bytes(c, rows * positions, dtype) + prompts + size * rows * c.vocab_size


def reinforcing(
    config: ModelConfig,
    tokens: int,
    rows: int,
    positions: int,
    dtype: torch.dtype,
    lora: int = 0,
    recompute: bool = False,
    reference: bool = False,
    threads: int | None = None,
) -> int:
    """Bytes to reinforce: what training keeps between steps, and the larger of a micro-batch and of sampling."""
    held = parts(config, tokens, dtype, lora, recompute, reference, threads)
    return held.resting + max(held.working, drawing(config, rows, positions, dtype))


def rows_at_once(config: ModelConfig, rows: int, positions: int, dtype: torch.dtype) -> int:
    """How many of these rows an engine draws at a time."""
    return max(1, min(rows, SLOTS, CACHE // row_bytes(config, positions, dtype)))


def row_bytes(config: ModelConfig, positions: int, dtype: torch.dtype) -> int:
    """Keys and values of so many positions."""
    return 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * positions * dtype.itemsize


def gigabytes(count: int) -> str:
    """Bytes, to be read."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20))} MiB"


def _widths(c: ModelConfig) -> tuple[int, int, int, int]:
    """Of all query heads, all key heads, the stream and the feed-forward layer."""
    return c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim, c.hidden_size, c.intermediate_size


def _matrices(c: ModelConfig) -> list[tuple[int, int]]:
    """Rows and columns of the matrices of a layer."""
    wide, narrow, E, F = _widths(c)
    return [(wide + 2 * narrow, E), (E, wide), (F, E), (F, E), (E, F)]


def _activations(c: ModelConfig, tokens: int, size: int, lora: bool, recompute: bool, threads: int) -> int:
    """What a forward pass leaves for the backward one, with what the logits' gradient takes at the end of it."""
    wide, narrow, E, F = _widths(c)
    normed = wide + narrow if c.family == "qwen3" else 0
    # Of the two norms the sum and the result; queries, keys and values; attention's answer; gate, up and their product.
    layer = tokens * size * (4 * E + 2 * wide + 2 * narrow + normed + 3 * F) + tokens * 8
    if not lora:
        layer += threads * size * 2 * E * F  # gate and up as one matrix, put together anew by each thread
    kept = tokens * size * 2 * E * c.num_hidden_layers + layer if recompute else layer * c.num_hidden_layers
    working = tokens * size * (3 * F + 2 * E)  # gradients within a layer
    return kept + working + 3 * tokens * size * E + _logits(c, tokens, size, lora, threads)


def _logits(c: ModelConfig, tokens: int, size: int, lora: bool, threads: int) -> int:
    """A tile of logits, or all where they are few enough to be kept (`aha/train/head.py`), and, where the vocabulary's
    matrix learns, its gradient in fp32 and in the model's dtype."""
    logits = c.vocab_size * tokens // threads
    tile = size * (max(logits, 1 << 22) if c.vocab_size <= 4096 and logits <= 1 << 25 else 1 << 22)
    learnt = 0 if lora else (EXACT + 2 * size if size < EXACT else 2 * EXACT) * c.vocab_size * c.hidden_size
    return threads * (tile + learnt)
