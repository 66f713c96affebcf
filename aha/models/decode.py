"""One more token for many rows at once, on a CPU: matrix products by oneDNN, everything between them fused.

Shapes: R rows, S slots, P prompts, L layers, K key/value heads, N positions, D head size, E width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from aha.models.decode_attention import TILE, attend
from aha.models.decode_few import BLOCK, blocked, few_loop
from aha.models.kernels import add_norm_loop, norm_loop, swiglu_loop
from aha.models.simd import bits
from aha.models.transformer import Cache, ModelConfig, Transformer

FEW = 48
"""Up to so many rows, the compiled step is faster than the library's products."""
SMALL = 16_000_000
"""Models of more weights gain nothing from it: fetching them takes longer than all calls."""
LARGE = 500_000
"""Weights of an fp32 matrix that oneDNN multiplies by few rows faster in its own layout than the library does as it is."""
READ = 512
"""Tokens read at a time: as many as keep what lies between products near."""
NOTHING = np.empty(0, np.float32)

Product = Callable[[Tensor], Tensor]
Arrays = tuple[tuple[np.ndarray, ...], ...]
"""Keys and values of each layer, [rows, K, N, D] each."""


class Memory:
    """Keys and values: of P prompts in blocks that rows share, and of S rows' own tokens. Untouched pages cost nothing."""

    def __init__(
        self, c: ModelConfig, prompts: int, longest: int, slots: int, positions: int, dtype: torch.dtype
    ) -> None:
        heads = (c.num_key_value_heads,)
        longest, positions = (-(-n // TILE) * TILE for n in (longest, positions))
        self.prompt_LPKND, self.own_LSKND = (
            [
                tuple(torch.empty(rows, *heads, width, c.head_dim, dtype=dtype) for _ in "kv")
                for _ in range(c.num_hidden_layers)
            ]
            for rows, width in ((prompts, longest), (slots, positions))
        )
        self.prompt_arrays, self.own_arrays = (
            tuple(tuple(map(bits, pair)) for pair in blocks) for blocks in (self.prompt_LPKND, self.own_LSKND)
        )
        G, D = c.num_attention_heads // c.num_key_value_heads, c.head_dim
        self.attention = tuple(np.zeros(shape, np.float32) for shape in ((G, D), (G, longest + positions), (G, D)))
        """What attention computes in: queries, scores and sums of the heads that share keys and values."""
        E, qkv = c.hidden_size, (c.num_attention_heads + 2 * c.num_key_value_heads) * D
        widths = (E, E, qkv, c.num_attention_heads * D, 2 * c.intermediate_size, c.intermediate_size, E, c.vocab_size)
        self.states = [torch.empty(FEW, width, dtype=dtype) for width in widths]
        """What the compiled step computes in: the stream, its norm, and the outputs of all products for a few rows."""
        self.products = tuple(np.empty(FEW * (max(widths) + BLOCK), np.float32) for _ in range(2))

    def store(self, prompt_block: int, cache: Cache, row: int) -> None:
        """Keep what a forward pass left in one row of its cache."""
        for (k, v), k_new, v_new in zip(self.prompt_LPKND, cache.k_LSKND, cache.v_LSKND, strict=True):
            k[prompt_block, :, : k_new.shape[2]], v[prompt_block, :, : v_new.shape[2]] = k_new[row], v_new[row]


class Decoder:
    """A model's weights as they are now, laid out for decoding; make a new one when they change. Threads may share it."""

    def __init__(self, model: Transformer, positions: int) -> None:
        self.model, c = model, model.config
        blocks = list(model.layers())
        self.norm1 = tuple(bits(b.norm1.weight.detach()) for b in blocks)
        self.norm2 = tuple(bits(b.norm2.weight.detach()) for b in blocks)
        none = torch.empty(0, dtype=model.dtype)
        self.q_norm = tuple(bits((n.weight if n else none).detach()) for n in (b.attention.q_norm for b in blocks))
        self.k_norm = tuple(bits((n.weight if n else none).detach()) for n in (b.attention.k_norm for b in blocks))
        matrices: list[list[tuple[Tensor, Tensor | None]]] = [
            [(b.attention.qkv.weight, b.attention.qkv.bias) for b in blocks],
            [(b.attention.out.weight, b.attention.out.bias) for b in blocks],
            [b.mlp.gate_up() for b in blocks],
            [(b.mlp.down.weight, b.mlp.down.bias) for b in blocks],
        ]
        self.last_norm = bits(model.norm.weight.detach())
        self.products = list(zip(*([product(*m) for m in kind] for kind in matrices), strict=True))
        self.head = product(model.head_weight_VE, None)
        turned = tuple(x.numpy() for x in model.rope(positions))
        still = np.ones_like(turned[0]), np.zeros_like(turned[1])
        self.ropes = [turned if c.turns(layer) else still for layer in range(len(blocks))]
        self.sizes = (None,) * (c.num_attention_heads // c.num_key_value_heads), (None,) * c.head_dim
        weights = sum(p.numel() for p in model.parameters())
        self.small = weights <= SMALL and all(rope is turned for rope in self.ropes)
        if self.small:
            qkv, out, gate_up, down = (tuple(blocked(*m) for m in kind) for kind in matrices)
            self.blocked = (self.norm1, qkv, self.q_norm, self.k_norm, out, self.norm2, gate_up, down)
            self.blocked_head = blocked(model.head_weight_VE, None)
            self.embed = bits(model.embed.weight.detach())

    def step(self, ids_R: np.ndarray, memory: Memory, rows: tuple[np.ndarray, ...]) -> Tensor:
        """Logits [R, V] of the token after `ids_R`, whose keys and values are written; the next step may overwrite them.

        `rows` are for each row its prompt's block, how many positions of it are the row's past, its own block and how
        many positions that holds already, [R] int64 each.
        """
        if self.small and len(ids_R) <= FEW:
            return self._few(ids_R, memory, rows)
        return self._many(ids_R, memory, rows)

    def _few(self, ids_R: np.ndarray, memory: Memory, rows: tuple[np.ndarray, ...]) -> Tensor:
        *states, logits = (bits(state[: len(ids_R)]) for state in memory.states)
        past = memory.prompt_arrays, memory.own_arrays
        scratch = memory.products, memory.attention, NOTHING
        eps = np.float32(self.model.config.rms_norm_eps)
        few_loop(
            self.sizes, ids_R, self.embed, self.blocked, self.last_norm, self.blocked_head, eps, self.ropes[0], past, rows, scratch,
            tuple(states), logits,
        )  # fmt: skip
        return memory.states[-1][: len(ids_R)]

    def read(
        self, ids_N: np.ndarray, memory: Memory, rows: tuple[np.ndarray, ...], into_prompts: bool = False
    ) -> Tensor:
        """States [N, E] after the last norm of N tokens, whose keys and values are written.

        `rows` are as for `step`. Several tokens may belong to one row: they stand in order, each at its own position.
        With `into_prompts`, a row's own block is one of the prompts' blocks.
        """
        own, parts = memory.prompt_arrays if into_prompts else memory.own_arrays, list[Tensor]()
        for start in range(0, len(ids_N), READ):
            part = slice(start, start + READ)
            ids_R = ids_N[part]
            parts.append(self._states(ids_R, memory, own, tuple(row_N[part] for row_N in rows))[: len(ids_R)])
        return torch.cat(parts)

    def _many(self, ids_R: np.ndarray, memory: Memory, rows: tuple[np.ndarray, ...]) -> Tensor:
        return self.head(self._states(ids_R, memory, memory.own_arrays, rows))[: len(ids_R)]

    def _states(self, ids_R: np.ndarray, memory: Memory, own_arrays: Arrays, rows: tuple[np.ndarray, ...]) -> Tensor:
        c, eps, R = self.model.config, np.float32(self.model.config.rms_norm_eps), len(ids_R)
        padded_R = np.zeros(padded(R), np.int64)
        padded_R[:R] = ids_R
        x_RE = F.embedding(torch.from_numpy(padded_R), self.model.embed.weight)
        normed_RE = torch.empty_like(x_RE)
        attended_RX = x_RE.new_zeros(len(x_RE), c.num_attention_heads * c.head_dim)
        active_RF = x_RE.new_empty(len(x_RE), c.intermediate_size)
        x, normed, attended, active = (bits(t) for t in (x_RE, normed_RE, attended_RX, active_RF))
        norm_loop(x, self.norm1[0], eps, normed, NOTHING)
        for i, (qkv, out, gate_up, down) in enumerate(self.products):
            prompt_kv, own_kv = memory.prompt_arrays[i], own_arrays[i]
            norms, rope = (self.q_norm[i], self.k_norm[i], eps), self.ropes[i]
            attend(self.sizes, bits(qkv(normed_RE)), rope, norms, prompt_kv, own_kv, rows, memory.attention, attended)
            add_norm_loop(x, bits(out(attended_RX)), self.norm2[i], eps, x, normed, NOTHING)
            swiglu_loop(bits(gate_up(normed_RE)), active)
            following = self.norm1[i + 1] if i + 1 < len(self.norm1) else self.last_norm
            add_norm_loop(x, bits(down(active_RF)), following, eps, x, normed, NOTHING)
        return normed_RE


def padded(rows: int) -> int:
    """How many rows are computed for so many live ones: a power of two up to 16, then multiples of 16, then of 64.

    A matrix product of a size not seen before costs a millisecond to set up.
    """
    if rows <= 16:
        return 1 << max(0, rows - 1).bit_length()
    step = 16 if rows <= 128 else 64
    return -(-rows // step) * step


def product(weight: Tensor, bias: Tensor | None) -> Product:
    """x -> x W^T + b. Weights are brought into oneDNN's own layout once, not at each call, where that is faster."""
    weight = weight.detach()
    if not _packs(weight):
        return partial(F.linear, weight=weight, bias=bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


def _packs(weight: Tensor) -> bool:
    """In bf16 where the processor multiplies it; in fp32 large matrices, on the processors on which that was measured."""
    if weight.dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    avx = torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    return avx and weight.dtype == torch.float32 and weight.numel() >= LARGE
