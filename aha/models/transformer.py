"""One decoder for the Llama, Qwen2, Qwen3 and SmolLM3 families.

The same forward samples and trains, so the log-probability that drew a token and the one that trains it agree.
Left out: dropout, sliding windows, mixture of experts.

Shapes: B sequences, T tokens, E width, H query heads, K key/value heads, D head size, V vocabulary, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from aha.models.attention import Stretch, causal_attention, packed_attention
from aha.models.kernels import add_norm, rms_norm, rotate, swiglu
from aha.models.rope import RopeScaling, angles

Family = Literal["llama", "qwen2", "qwen3", "smollm3"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes and switches of a decoder, under the names of a Hugging Face `config.json`."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    family: Family = "llama"
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    no_rope_layers: tuple[int, ...] = ()
    """For each layer 1 where positions turn its queries and keys, 0 where they do not. Empty: they do in all."""
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 2048
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    mlp_bias: bool = False
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    pad_token_id: int | None = None

    def turns(self, layer: int) -> bool:
        """Whether positions turn the queries and keys of a layer."""
        return not self.no_rope_layers or bool(self.no_rope_layers[layer])


class Cache:
    """Keys and values: for each of L layers one contiguous [S, K, N, D] block for S slots of N positions."""

    def __init__(self, c: ModelConfig, slots: int, positions: int, dtype: torch.dtype, device: torch.device) -> None:
        shape = (slots, c.num_key_value_heads, positions, c.head_dim)
        self.k_LSKND = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(c.num_hidden_layers)]
        self.v_LSKND = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(c.num_hidden_layers)]


class RMSNorm(nn.Module):
    """x / rms(x) * weight, over the last axis (arXiv 1910.07467)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)

    def after_adding(self, x: Tensor, more: Tensor) -> tuple[Tensor, Tensor]:
        """x + more, and the norm of that."""
        return add_norm(x, more, self.weight, self.eps)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions. Query, key and value projections are one matrix."""

    def __init__(self, c: ModelConfig, turns: bool = True) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        self.turns = turns
        width = (self.heads + 2 * self.kv_heads) * c.head_dim
        self.qkv = nn.Linear(c.hidden_size, width, bias=c.family == "qwen2" or c.attention_bias)
        self.out = nn.Linear(self.heads * c.head_dim, c.hidden_size, bias=c.family != "qwen2" and c.attention_bias)
        self.q_norm = RMSNorm(c.head_dim, c.rms_norm_eps) if c.family == "qwen3" else None
        self.k_norm = RMSNorm(c.head_dim, c.rms_norm_eps) if c.family == "qwen3" else None

    def project(self, x_BTE: Tensor, cos_sin: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries [B, T, H, D], rotated keys and values [B, T, K, D]; of packed tokens without the B."""
        qkv_BTXD = self.qkv(x_BTE).unflatten(-1, (-1, self.head_dim))
        sizes = (self.heads, self.kv_heads, self.kv_heads)
        if self.q_norm is not None and self.k_norm is not None:
            q_BTHD, k_BTKD, v_BTKD = qkv_BTXD.split(sizes, -2)
            qkv_BTXD = torch.cat((self.q_norm(q_BTHD), self.k_norm(k_BTKD), v_BTKD), -2)
        if self.turns:
            qkv_BTXD = rotate(qkv_BTXD, *cos_sin, self.heads + self.kv_heads)
        q_BTHD, k_BTKD, v_BTKD = qkv_BTXD.split(sizes, -2)
        return q_BTHD, k_BTKD, v_BTKD

    def forward(
        self, x_BTE: Tensor, cos_sin: tuple[Tensor, Tensor], cache: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        q_BHTD, k_BKTD, v_BKTD = (x.transpose(1, 2) for x in self.project(x_BTE, cos_sin))
        if cache is not None:
            T = x_BTE.shape[1]
            cache[0][:, :, :T], cache[1][:, :, :T] = k_BKTD, v_BKTD
        out_BTHD = causal_attention(q_BHTD, k_BKTD, v_BKTD).transpose(1, 2)
        return self.out(out_BTHD.flatten(2))

    def packed(self, x_ME: Tensor, cos_sin: tuple[Tensor, Tensor], stretches: Sequence[Stretch]) -> Tensor:
        """The same for packed tokens."""
        return self.out(packed_attention(*self.project(x_ME, cos_sin), stretches).flatten(1))


class MLP(nn.Module):
    """The gated feed-forward layer."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(c.hidden_size, c.intermediate_size, bias=c.mlp_bias)
        self.up = nn.Linear(c.hidden_size, c.intermediate_size, bias=c.mlp_bias)
        self.down = nn.Linear(c.intermediate_size, c.hidden_size, bias=c.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.gate, nn.Linear):
            return self.down(swiglu(F.linear(x, *self.gate_up())))
        return self.down(swiglu(torch.cat((self.gate(x), self.up(x)), -1)))  # each with an adapter of its own

    def gate_up(self) -> tuple[Tensor, Tensor | None]:
        """Both layers that read the input as one matrix and bias."""
        bias = None if self.gate.bias is None else torch.cat((self.gate.bias, self.up.bias))
        return torch.cat((self.gate.weight, self.up.weight)), bias


class Block(nn.Module):
    """The parts of a layer."""

    def __init__(self, c: ModelConfig, layer: int) -> None:
        super().__init__()
        self.norm1, self.attention = RMSNorm(c.hidden_size, c.rms_norm_eps), Attention(c, c.turns(layer))
        self.norm2, self.mlp = RMSNorm(c.hidden_size, c.rms_norm_eps), MLP(c)


class Transformer(nn.Module):
    """A decoder-only language model. `hidden` and `decode` return states; `logits` projects the ones that matter."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.head = None if config.tie_word_embeddings else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.recompute = False
        """Keep a layer's input only, and compute the rest again in the backward pass: less memory, a third more work."""
        self._rope: dict[torch.device, Tensor] = {}
        self.apply(self._init)

    def _init(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def layers(self) -> Iterator[Block]:
        """The blocks, first to last."""
        for block in self.blocks:
            assert isinstance(block, Block)
            yield block

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights, which is the dtype of the arithmetic."""
        return self.embed.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed.weight.device

    @property
    def head_weight_VE(self) -> Tensor:
        """The matrix that turns a state into logits."""
        return self.embed.weight if self.head is None else self.head.weight

    def rope(self, positions: Tensor | int) -> tuple[Tensor, Tensor]:
        """cos and sin of the rotary angles, fp32, [T, D / 2] each, of the first positions or of those given."""
        highest = positions if isinstance(positions, int) else self.config.max_position_embeddings
        table = self._rope.get(self.device)
        if table is None or table.shape[1] < highest:
            c = self.config
            both = angles(c.head_dim, c.rope_theta, highest, c.rope_scaling)
            table = self._rope[self.device] = torch.stack(both).to(self.device)
        cos_TD, sin_TD = table[:, :positions] if isinstance(positions, int) else table[:, positions]
        return cos_TD, sin_TD

    def hidden(self, ids_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """States after the last norm, [B, T, E]. Rows start at token 0 and are padded on the right.

        With a cache, keys and values of row b are left in its slot b.
        """
        cos_sin = self.rope(ids_BT.shape[1])

        def attend(layer: int, attention: Attention, x_BTE: Tensor) -> Tensor:
            return attention(x_BTE, cos_sin, None if cache is None else (cache.k_LSKND[layer], cache.v_LSKND[layer]))

        return self._through(self.embed(ids_BT), attend)

    def hidden_packed(self, ids_M: Tensor, at_M: Tensor, stretches: Sequence[Stretch]) -> Tensor:
        """States [M, E] of packed tokens that stand at positions `at_M` of the rows the stretches describe."""
        cos_sin = self.rope(at_M)
        return self._through(self.embed(ids_M), lambda _, attention, x_ME: attention.packed(x_ME, cos_sin, stretches))

    def _through(self, x: Tensor, attend: Callable[[int, Attention, Tensor], Tensor]) -> Tensor:
        """The blocks: attention and MLP, each behind a norm and added to the stream."""
        blocks = list(self.layers())
        following = [block.norm1 for block in blocks[1:]] + [self.norm]
        again = self.recompute and torch.is_grad_enabled()

        def through(layer: int, x: Tensor, normed: Tensor) -> tuple[Tensor, Tensor]:
            x, normed = blocks[layer].norm2.after_adding(x, attend(layer, blocks[layer].attention, normed))
            return following[layer].after_adding(x, blocks[layer].mlp(normed))

        normed = blocks[0].norm1(x)
        for layer in range(len(blocks)):
            x, normed = (
                checkpoint(through, layer, x, normed, use_reentrant=False, preserve_rng_state=False)
                if again
                else through(layer, x, normed)
            )
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary for states of any leading shape."""
        return F.linear(hidden, self.head_weight_VE)

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits of every position, [B, T, V]. Training uses `hidden` and projects only what it needs."""
        return self.logits(self.hidden(ids_BT))
