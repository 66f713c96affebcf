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

from aha.models.decode_attention import attention_loop
from aha.models.kernels import add_norm_loop, norm_loop, swiglu_loop
from aha.models.simd import bits
from aha.models.transformer import Cache, ModelConfig, Transformer

NOTHING = np.empty(0, np.float32)

Product = Callable[[Tensor], Tensor]


class Memory:
    """Keys and values: of P prompts in blocks that rows share, and of S rows' own tokens. Untouched pages cost nothing."""

    def __init__(
        self, c: ModelConfig, prompts: int, longest: int, slots: int, positions: int, dtype: torch.dtype
    ) -> None:
        heads = (c.num_key_value_heads,)
        self.prompt_LPKND, self.own_LSKND = (
            [
                tuple(torch.empty(rows, *heads, width, c.head_dim, dtype=dtype) for _ in "kv")
                for _ in range(c.num_hidden_layers)
            ]
            for rows, width in ((prompts, longest), (slots, positions))
        )
        self.prompt_arrays, self.own_arrays = (
            [tuple(map(bits, pair)) for pair in blocks] for blocks in (self.prompt_LPKND, self.own_LSKND)
        )

    def store(self, prompt_block: int, cache: Cache, row: int) -> None:
        """Keep what a forward pass left in one row of its cache."""
        for (k, v), k_new, v_new in zip(self.prompt_LPKND, cache.k_LSKND, cache.v_LSKND, strict=True):
            k[prompt_block, :, : k_new.shape[2]], v[prompt_block, :, : v_new.shape[2]] = k_new[row], v_new[row]


class Decoder:
    """A model's weights as they are now, laid out for decoding; make a new one when they change.

    `fork` gives another thread its own scratch memory on the same weights.
    """

    def __init__(self, model: Transformer, positions: int) -> None:
        self.model, c = model, model.config
        self.layers = [
            (
                bits(block.norm1.weight.detach()),
                product(block.attention.qkv.weight, block.attention.qkv.bias),
                tuple(
                    bits((norm.weight if norm is not None else torch.empty(0, dtype=model.dtype)).detach())
                    for norm in (block.attention.q_norm, block.attention.k_norm)
                ),
                product(block.attention.out.weight, block.attention.out.bias),
                bits(block.norm2.weight.detach()),
                product(*block.mlp.gate_up()),
                product(block.mlp.down.weight, block.mlp.down.bias),
            )
            for block in model.layers()
        ]
        self.last_norm = bits(model.norm.weight.detach())
        self.head = product(model.head_weight_VE, None)
        self.rope = tuple(x.numpy() for x in model.rope(positions))
        self.attend = attention_loop(c.num_attention_heads // c.num_key_value_heads, c.head_dim)

    def step(self, ids_R: Tensor, memory: Memory, rows: tuple[np.ndarray, ...]) -> Tensor:
        """Logits [R, V] of the token after `ids_R`, whose keys and values are written.

        `rows` are for each row its prompt's block, how many positions of it are the row's past, its own block and how
        many positions that holds already, [R] int64 each. There may be fewer rows than ids: the rest is padding.
        """
        c, eps = self.model.config, np.float32(self.model.config.rms_norm_eps)
        G = c.num_attention_heads // c.num_key_value_heads
        widest = memory.prompt_LPKND[0][0].shape[2] + memory.own_LSKND[0][0].shape[2]
        scratch = tuple(np.empty(shape, np.float32) for shape in ((G, c.head_dim), (G, widest), (G, c.head_dim)))
        x_RE = F.embedding(ids_R, self.model.embed.weight)
        x, normed_RE = bits(x_RE), torch.empty_like(x_RE)
        attended_RX = x_RE.new_zeros(len(x_RE), c.num_attention_heads * c.head_dim)
        active_RF = x_RE.new_empty(len(x_RE), c.intermediate_size)
        normed, attended, active = bits(normed_RE), bits(attended_RX), bits(active_RF)
        norm_loop(x, self.layers[0][0], eps, normed, NOTHING)
        for i, (_, qkv, (q_norm, k_norm), out, norm2, gate_up, down) in enumerate(self.layers):
            past = memory.prompt_arrays[i], memory.own_arrays[i]
            self.attend(bits(qkv(normed_RE)), self.rope, (q_norm, k_norm, eps), *past, *rows, scratch, attended)
            add_norm_loop(x, bits(out(attended_RX)), norm2, eps, x, normed, NOTHING)
            swiglu_loop(bits(gate_up(normed_RE)), active)
            following = self.layers[i + 1][0] if i + 1 < len(self.layers) else self.last_norm
            add_norm_loop(x, bits(down(active_RF)), following, eps, x, normed, NOTHING)
        return self.head(normed_RE)


def product(weight: Tensor, bias: Tensor | None) -> Product:
    """x -> x W^T + b. Where oneDNN multiplies bf16 its weights are brought into its own layout once, not at each call."""
    weight = weight.detach()
    if weight.dtype != torch.bfloat16 or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return partial(F.linear, weight=weight, bias=bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
