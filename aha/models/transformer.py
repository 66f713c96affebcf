"""One decoder for the Llama, Qwen2 and Qwen3 families.

The same forward samples and trains, so the log-probability that drew a token and the one that trains it agree.
Left out: dropout, sliding windows, mixture of experts, RoPE scaling other than none.

Shapes: B sequences, T tokens, E width, H query heads, K key/value heads, D head size, V vocabulary, L layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aha.models.attention import Stretch, causal_attention, packed_attention
from aha.models.kernels import rms_norm, rotate, swiglu

Family = Literal["llama", "qwen2", "qwen3"]


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
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 2048
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    mlp_bias: bool = False
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    pad_token_id: int | None = None


class Cache:
    """Keys and values: for each of L layers one contiguous [S, K, N, D] block for S slots of N positions."""

    def __init__(self, c: ModelConfig, slots: int, positions: int, dtype: torch.dtype, device: torch.device) -> None:
        shape = (slots, c.num_key_value_heads, positions, c.head_dim)
        self.k_LSKND = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(c.num_hidden_layers)]
        self.v_LSKND = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(c.num_hidden_layers)]

    def row(self, slot: int) -> tuple[Tensor, Tensor]:
        """Keys and values of one slot, [L, K, N, D] each."""
        return torch.stack([k[slot] for k in self.k_LSKND]), torch.stack([v[slot] for v in self.v_LSKND])

    def trim(self, slots: int) -> None:
        """Keep the first slots. A prefix of a contiguous block is contiguous, so nothing is copied."""
        for blocks in (self.k_LSKND, self.v_LSKND):
            blocks[:] = [block[:slots] for block in blocks]

    def resize(self, slots: int, positions: int) -> None:
        """Copy into blocks of another size, a layer at a time."""
        for blocks in (self.k_LSKND, self.v_LSKND):
            for layer, old in enumerate(blocks):
                new = old.new_zeros(slots, old.shape[1], positions, old.shape[3])
                kept = min(len(old), slots)
                new[:kept, :, : old.shape[2]] = old[:kept]
                blocks[layer] = new


class RMSNorm(nn.Module):
    """x / rms(x) * weight, over the last axis (arXiv 1910.07467)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions. Query, key and value projections are one matrix."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        width = (self.heads + 2 * self.kv_heads) * c.head_dim
        self.qkv = nn.Linear(c.hidden_size, width, bias=c.family == "qwen2" or c.attention_bias)
        self.out = nn.Linear(self.heads * c.head_dim, c.hidden_size, bias=c.family == "llama" and c.attention_bias)
        self.q_norm = RMSNorm(c.head_dim, c.rms_norm_eps) if c.family == "qwen3" else None
        self.k_norm = RMSNorm(c.head_dim, c.rms_norm_eps) if c.family == "qwen3" else None

    def project(self, x_BTE: Tensor, cos_sin: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries [B, T, H, D], rotated keys and values [B, T, K, D]; of packed tokens without the B."""
        heads_BTHD = self.qkv(x_BTE).unflatten(-1, (-1, self.head_dim))
        qk_BTHD, v_BTKD = heads_BTHD.split((self.heads + self.kv_heads, self.kv_heads), -2)
        q_BTHD, k_BTKD = qk_BTHD.split((self.heads, self.kv_heads), -2)
        if self.q_norm is not None and self.k_norm is not None:
            qk_BTHD = torch.cat((self.q_norm(q_BTHD), self.k_norm(k_BTKD)), -2)
        q_BTHD, k_BTKD = rotate(qk_BTHD, *cos_sin).split((self.heads, self.kv_heads), -2)
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

    def decode(self, x_SE: Tensor, cos_sin: tuple[Tensor, Tensor], kv: tuple[Tensor, Tensor], step: Step) -> Tensor:
        """One token a row against the cache; the token's own key and value are written first."""
        q_SHD, k_SKD, v_SKD = self.project(x_SE, cos_sin)
        k_SKND, v_SKND = kv
        at = (step.rows_S, slice(None), step.at_S)
        k_SKND[at], v_SKND[at] = k_SKD, v_SKD
        q = q_SHD.reshape(-1, self.heads // self.kv_heads, self.head_dim)
        k, v = k_SKND.flatten(0, 1), v_SKND.flatten(0, 1)
        scores = torch.baddbmm(step.mask(self.kv_heads), q, k.mT, alpha=self.head_dim**-0.5)
        return self.out(torch.bmm(scores.softmax(-1), v).view(len(x_SE), -1))


@dataclass(frozen=True, slots=True)
class Step:
    """Where each of S rows writes its next token, and which of the N cached positions it may look at."""

    rows_S: Tensor
    at_S: Tensor
    mask_S1N: Tensor
    """Added to the scores: 0 up to and including `at`, -inf after it."""

    def mask(self, kv_heads: int) -> Tensor:
        """The mask for rows of (slot, key/value head) pairs."""
        return self.mask_S1N if kv_heads == 1 else self.mask_S1N.repeat_interleave(kv_heads, 0)


class MLP(nn.Module):
    """The gated feed-forward layer."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(c.hidden_size, c.intermediate_size, bias=c.mlp_bias)
        self.up = nn.Linear(c.hidden_size, c.intermediate_size, bias=c.mlp_bias)
        self.down = nn.Linear(c.intermediate_size, c.hidden_size, bias=c.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(swiglu(self.gate(x), self.up(x)))


class Block(nn.Module):
    """Attention and MLP, each behind a norm and added to the stream."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.norm1, self.attention = RMSNorm(c.hidden_size, c.rms_norm_eps), Attention(c)
        self.norm2, self.mlp = RMSNorm(c.hidden_size, c.rms_norm_eps), MLP(c)

    def forward(self, x: Tensor, cos_sin: tuple[Tensor, Tensor], cache: tuple[Tensor, Tensor] | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), cos_sin, cache)
        return x + self.mlp(self.norm2(x))

    def packed(self, x: Tensor, cos_sin: tuple[Tensor, Tensor], stretches: Sequence[Stretch]) -> Tensor:
        x = x + self.attention.packed(self.norm1(x), cos_sin, stretches)
        return x + self.mlp(self.norm2(x))

    def decode(self, x: Tensor, cos_sin: tuple[Tensor, Tensor], kv: tuple[Tensor, Tensor], step: Step) -> Tensor:
        x = x + self.attention.decode(self.norm1(x), cos_sin, kv, step)
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A decoder-only language model. `hidden` and `decode` return states; `logits` projects the ones that matter."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.head = None if config.tie_word_embeddings else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self._rope: dict[tuple[torch.dtype, torch.device], Tensor] = {}
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
        """cos and sin of the rotary angles, each [..., 1, D / 2], of the first positions or of those given."""
        highest = positions if isinstance(positions, int) else self.config.max_position_embeddings
        key = (self.dtype, self.embed.weight.device)
        table = self._rope.get(key)
        if table is None or len(table) < highest:
            half = torch.arange(0, self.config.head_dim, 2, dtype=torch.float32) / self.config.head_dim
            angle_ND = torch.arange(highest, dtype=torch.float32)[:, None] / self.config.rope_theta**half
            table = torch.stack((angle_ND.cos(), angle_ND.sin()), 1)[:, :, None].to(*key[::-1])
            self._rope[key] = table
        chosen = table[:positions] if isinstance(positions, int) else table[positions]
        return chosen[..., 0, :, :].contiguous(), chosen[..., 1, :, :].contiguous()

    def hidden(self, ids_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """States after the last norm, [B, T, E]. Rows start at token 0 and are padded on the right.

        With a cache, keys and values of row b are left in its slot b.
        """
        x, cos_sin = self.embed(ids_BT), self.rope(ids_BT.shape[1])
        for layer, block in enumerate(self.blocks):
            x = block(x, cos_sin, None if cache is None else (cache.k_LSKND[layer], cache.v_LSKND[layer]))
        return self.norm(x)

    def hidden_packed(self, ids_M: Tensor, at_M: Tensor, stretches: Sequence[Stretch]) -> Tensor:
        """States [M, E] of packed tokens that stand at positions `at_M` of the rows the stretches describe."""
        x, cos_sin = self.embed(ids_M), self.rope(at_M)
        for block in self.layers():
            x = block.packed(x, cos_sin, stretches)
        return self.norm(x)

    def decode(self, ids_S: Tensor, cache: Cache, step: Step) -> Tensor:
        """States [S, E] of one more token for each of the cache's S slots."""
        x, cos_sin = self.embed(ids_S), self.rope(step.at_S)
        for layer, block in enumerate(self.layers()):
            x = block.decode(x, cos_sin, (cache.k_LSKND[layer], cache.v_LSKND[layer]), step)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary for states of any leading shape."""
        return F.linear(hidden, self.head_weight_VE)

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits of every position, [B, T, V]. Training uses `hidden` and projects only what it needs."""
        return self.logits(self.hidden(ids_BT))
