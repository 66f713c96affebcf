"""A GGUF file as a model of ours: sizes, weights, tokenizer and chat template.

    model, chat = from_gguf(Path("SmolLM2-135M-Instruct.Q4_1.gguf"))

Weights that were quantized stay as coarse as they were, in larger numbers. Left out: SentencePiece tokenizers, whose
merges a GGUF file does not hold, and stretched positions other than linear and yarn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor

from aha.chat import Chat, Marks
from aha.errors import ModelError
from aha.models.families import config_of
from aha.models.gguf import Gguf, read_gguf
from aha.models.load import assemble, check_shapes, from_hugging_face
from aha.models.transformer import ModelConfig, Transformer
from aha.template import Template

NAMES = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
CONTROL, OWN = 3, 4
"""Kinds of tokens that are never made of others."""
GPT4_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}NUMBER| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
"""How text is cut before pairs are merged, of models whose numbers are cut as NUMBER says."""


def from_gguf(file: Path) -> tuple[Transformer, Chat]:
    """The model in fp32, and its tokenizer. Raises ModelError, one line, for a file that is damaged or of another kind."""
    gguf = read_gguf(Path(file))
    config = _config(gguf)
    shapes = {_named(name): entry.shape for name, entry in gguf.entries.items()}
    check_shapes(config, shapes, gguf.file)
    chat = Chat(*_spoken(gguf))
    if len(chat) > config.vocab_size:
        raise ModelError(f"{file}: its tokenizer has {len(chat)} tokens, its weights have {config.vocab_size}")
    return assemble(config, from_hugging_face(dict(_weights(gguf, config)), config)), chat


def _config(gguf: Gguf) -> ModelConfig:
    kind = gguf.value("general.architecture", str)
    named = {
        "num_hidden_layers": "block_count", "hidden_size": "embedding_length", "rope_theta": "rope.freq_base",
        "intermediate_size": "feed_forward_length", "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv", "max_position_embeddings": "context_length",
        "rms_norm_eps": "attention.layer_norm_rms_epsilon", "head_dim": "attention.key_length",
    }  # fmt: skip
    raw = {ours: gguf.metadata.get(f"{kind}.{theirs}") for ours, theirs in named.items()}
    raw |= {f"{mark}_token_id": gguf.metadata.get(f"tokenizer.ggml.{mark}_token_id") for mark in ("bos", "eos")}
    stretched = gguf.metadata.get(f"{kind}.rope.scaling.type", "none")
    if stretched != "none":
        length = gguf.metadata.get(f"{kind}.rope.scaling.original_context_length")
        factor = gguf.metadata.get(f"{kind}.rope.scaling.factor")
        raw["rope_scaling"] = {
            "rope_type": stretched, "factor": factor, "original_max_position_embeddings": length
        }  # fmt: skip
    if "rope_freqs.weight" in gguf.entries:
        raw["rope_scaling"] = {"rope_type": "rope_freqs"}  # refused by name
    embedding = gguf.entries.get("token_embd.weight")
    raw["vocab_size"] = embedding.shape[0] if embedding else None
    raw["tie_word_embeddings"] = "output.weight" not in gguf.entries
    raw["attention_bias"] = "blk.0.attn_q.bias" in gguf.entries
    config = config_of(raw | {"model_type": kind}, gguf.file)
    turned = gguf.metadata.get(f"{kind}.rope.dimension_count", config.head_dim)
    if turned != config.head_dim:
        raise ModelError(f"{gguf.file}: positions turn {turned} of {config.head_dim} numbers of a head; all must turn")
    return config


def _named(name: str) -> str:
    """A tensor's name in a Hugging Face folder."""
    parts = name.split(".")
    if len(parts) < 2:
        return name
    prefix = f"model.layers.{parts[1]}." if parts[0] == "blk" else ""
    return f"{prefix}{NAMES.get(parts[-2], parts[-2])}.{parts[-1]}"


def _weights(gguf: Gguf, c: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    heads = {"attn_q": c.num_attention_heads, "attn_k": c.num_key_value_heads}
    for name in gguf.entries:
        tensor = torch.from_numpy(gguf.tensor(name))
        part = name.split(".")[-2]
        if c.family == "llama" and part in heads:  # llama.cpp turns neighbours where we turn halves
            tensor = tensor.unflatten(0, (heads[part], -1, 2)).transpose(1, 2).flatten(0, 2)
        yield _named(name), tensor.contiguous()


def _spoken(gguf: Gguf) -> tuple[Tokenizer, Marks, Template | None]:
    tokens: list[str] = gguf.value("tokenizer.ggml.tokens", list)
    if not all(isinstance(token, str) for token in tokens):
        raise ModelError(f"{gguf.file}: tokenizer.ggml.tokens holds numbers")

    def token(kind: str) -> str | None:
        at = gguf.metadata.get(f"tokenizer.ggml.{kind}_token_id")
        return tokens[at] if isinstance(at, int) and 0 <= at < len(tokens) else None

    named = {kind: found for kind in ("bos", "eos", "eot", "padding") if (found := token(kind))}
    ends = tuple(dict.fromkeys(named[kind] for kind in ("eos", "eot") if kind in named))
    if not ends:
        raise ModelError(f"{gguf.file} names no token that ends a reply (tokenizer.ggml.eos_token_id)")
    source = gguf.metadata.get("tokenizer.chat_template")
    told = {f"{kind}_token": name for kind, name in named.items()}
    template = Template(source, told, f"the template in {gguf.file}") if isinstance(source, str) else None
    end = template.ends_with(ends) if template else None
    marks = Marks(end or ends[0], ends, named.get("padding", end or ends[0]), named.get("bos"))
    return _tokenizer(gguf, tokens), marks, template if end else None


def _tokenizer(gguf: Gguf, tokens: list[str]) -> Tokenizer:
    kind, cut = gguf.value("tokenizer.ggml.model", str), gguf.value("tokenizer.ggml.pre", str, "default")
    if kind != "gpt2" or cut not in CUTS:
        raise ModelError(
            f"{gguf.file}: a tokenizer of kind {kind}, {cut}; those that can be rebuilt are gpt2 with "
            f"{', '.join(CUTS)}. Give the Hugging Face folder instead"
        )
    merges = [tuple(merge.split(" ")) for merge in gguf.value("tokenizer.ggml.merges", list) if isinstance(merge, str)]
    kinds = gguf.value("tokenizer.ggml.token_type", list, [1] * len(tokens))
    normalizer, before = CUTS[cut]
    try:
        made = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))  # type: ignore[arg-type]
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{gguf.file}: its tokenizer cannot be rebuilt: {error}") from error
    made.pre_tokenizer, made.decoder = before, decoders.ByteLevel()
    if normalizer:
        made.normalizer = normalizer
    for special, which in ((True, CONTROL), (False, OWN)):
        added = [token for token, k in zip(tokens, kinds, strict=False) if k == which]
        made.add_tokens([AddedToken(token, special=special, normalized=False) for token in added])
    return made


def _cut(*steps: Any) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([*steps])


def _words(number: str) -> pre_tokenizers.PreTokenizer:
    pattern = Regex(GPT4_WORDS.replace("NUMBER", number))
    return _cut(
        pre_tokenizers.Split(pattern, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    )


CUTS: dict[str, tuple[Any, pre_tokenizers.PreTokenizer]] = {
    "smollm": (None, _cut(pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False))),
    "gpt-2": (None, pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "qwen2": (normalizers.NFC(), _words("")),
    "llama-bpe": (None, _words("{1,3}")),
}
"""By the names of llama.cpp: what is done to a text, and how it is cut, before pairs are merged."""
