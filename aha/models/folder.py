"""Model folders in the Hugging Face layout: what `aha` writes, transformers, vLLM and llama.cpp read, and back.

    config.json  model.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja  generation_config.json

Weights are read from safetensors only; nothing in a folder is ever executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from aha.chat import CHAT_TEMPLATE, END, PAD, Chat
from aha.errors import ModelError
from aha.models.transformer import ModelConfig, Transformer

FAMILIES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
SHARED = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "rms_norm_eps",
    "num_key_value_heads", "head_dim", "max_position_embeddings", "tie_word_embeddings", "bos_token_id",
    "eos_token_id", "pad_token_id",
)  # fmt: skip
OURS_TO_THEIRS = (
    ("embed.", "model.embed_tokens."),
    ("blocks.", "model.layers."),
    ("norm1.", "input_layernorm."),
    ("norm2.", "post_attention_layernorm."),
    ("attention.out.", "self_attn.o_proj."),
    ("attention.q_norm.", "self_attn.q_norm."),
    ("attention.k_norm.", "self_attn.k_norm."),
    ("mlp.gate.", "mlp.gate_proj."),
    ("mlp.up.", "mlp.up_proj."),
    ("mlp.down.", "mlp.down_proj."),
    ("head.", "lm_head."),
)


TINY = Path(__file__).parent / "tiny"
"""The base model that comes with the package."""
STUDENTS = Path(__file__).parent / "students"
"""Smaller bases that come with it, to be distilled into; all read with its tokenizer."""


def shipped() -> dict[str, Path]:
    """The models that come with the package, by name."""
    return {"tiny": TINY} | {config.parent.name: config.parent for config in sorted(STUDENTS.glob("*/config.json"))}


def resolve(name: str) -> Path:
    """The folder of a model: the name of a shipped one, a path, or a run folder (whose newest checkpoint is meant).

    Raises ModelError, which names the shipped ones, where there is no such folder.
    """
    models = shipped()
    if name in models:
        return models[name]
    folder = Path(name).expanduser()
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    if checkpoints:
        return checkpoints[-1]
    if not folder.is_dir():
        raise ModelError(
            f"no model folder {name!r}; give a path, a run folder, or one that comes with aha: {', '.join(models)}"
        )
    return folder


def read_config(folder: Path) -> ModelConfig:
    """Sizes from `config.json`. Raises ModelError for a family or an option that the decoder does not have."""
    file = Path(folder) / "config.json"
    if not file.is_file():
        raise ModelError(f"{folder} is no model folder: it has no config.json")
    try:
        raw: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise ModelError(f"{file} is not JSON: {error}") from error
    family = raw.get("model_type")
    if family not in FAMILIES:
        raise ModelError(f"{file}: model_type {family!r} is not one of {', '.join(FAMILIES)}")
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default" or raw.get("use_sliding_window"):
        raise ModelError(f"{file}: rope type {kind!r} or sliding windows are not supported yet")
    heads = raw["num_attention_heads"]
    values = {name: raw[name] for name in SHARED if raw.get(name) is not None}
    values.setdefault("num_key_value_heads", heads)
    values.setdefault("head_dim", raw["hidden_size"] // heads)
    values.setdefault("tie_word_embeddings", False)
    values["eos_token_id"] = _first(raw.get("eos_token_id"))
    return ModelConfig(
        **values,
        family=family,
        rope_theta=float(rope.get("rope_theta", raw.get("rope_theta", 10_000.0))),
        attention_bias=family != "qwen2" and bool(raw.get("attention_bias", False)),
        mlp_bias=bool(raw.get("mlp_bias", False)),
    )


def _first(ids: int | list[int] | None) -> int | None:
    return ids[0] if isinstance(ids, list) else ids


def load_model(folder: Path, dtype: torch.dtype = torch.float32) -> Transformer:
    """The decoder with a folder's weights, in `dtype`. Raises ModelError for missing, extra or misshapen weights."""
    folder = Path(folder)
    config = read_config(folder)
    with torch.device("meta"):
        model = Transformer(config)
    weights = {name: tensor.to(dtype) for name, tensor in from_hugging_face(read_weights(folder), config).items()}
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if expected != found:
        odd = sorted(name for name in expected | found if expected.get(name) != found.get(name))
        raise ModelError(f"{folder}: the weights do not fit config.json, first at {odd[0]}")
    model.load_state_dict(weights, assign=True)
    return model


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder's safetensors files, sharded or not."""
    index = folder / "model.safetensors.index.json"
    names = (
        sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.is_file() else ["model.safetensors"]
    )
    tensors: dict[str, Tensor] = {}
    for name in names:
        file = folder / name
        if not file.is_file():
            raise ModelError(f"{file} is missing")
        try:
            tensors |= load_file(file)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is damaged: {error}") from error
    return tensors


def from_hugging_face(theirs: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Rename a Hugging Face state dict to ours, joining the query, key and value projections."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        if name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings):
            continue
        for ours, other in OURS_TO_THEIRS:
            name = name.replace(other, ours)
        renamed[name.removeprefix("model.")] = tensor
    for layer in range(config.num_hidden_layers):
        for kind in ("weight", "bias"):
            parts = [renamed.pop(f"blocks.{layer}.self_attn.{p}_proj.{kind}", None) for p in "qkv"]
            if all(part is not None for part in parts):
                renamed[f"blocks.{layer}.attention.qkv.{kind}"] = torch.cat([p for p in parts if p is not None])
    return renamed


def to_hugging_face(model: Transformer) -> dict[str, Tensor]:
    """The model's weights under the names of its Hugging Face family."""
    theirs: dict[str, Tensor] = {}
    c = model.config
    sizes = [heads * c.head_dim for heads in (c.num_attention_heads, c.num_key_value_heads, c.num_key_value_heads)]
    for name, tensor in model.state_dict().items():
        if ".qkv." in name:
            stem, kind = name.split(".attention.qkv.")
            prefix = stem.replace("blocks.", "model.layers.")
            for part, piece in zip("qkv", tensor.split(sizes), strict=True):
                theirs[f"{prefix}.self_attn.{part}_proj.{kind}"] = piece.contiguous()
            continue
        if name.startswith("norm."):
            name = f"model.{name}"
        for ours, other in OURS_TO_THEIRS:
            if ours in name and other not in name:
                name = name.replace(ours, other)
        theirs[name] = tensor.contiguous()
    return theirs


def save_model(model: Transformer, chat: Chat, folder: Path) -> None:
    """Write a complete model folder; existing files are overwritten."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    c = model.config
    config = {name: getattr(c, name) for name in SHARED} | {
        "architectures": [FAMILIES[c.family]],
        "model_type": c.family,
        "hidden_act": "silu",
        "rope_theta": c.rope_theta,
        "attention_bias": c.attention_bias,
        "attention_dropout": 0.0,
        "torch_dtype": str(model.dtype).removeprefix("torch."),
    }
    if c.family == "llama":
        config["mlp_bias"] = c.mlp_bias
    _write_json(folder / "config.json", config)
    _write_json(folder / "generation_config.json", {"eos_token_id": c.eos_token_id, "pad_token_id": c.pad_token_id})
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": PAD,
            "clean_up_tokenization_spaces": False,
        },
    )
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    (folder / "tokenizer.json").write_text(chat.tokenizer.to_str())
    save_file(to_hugging_face(model), folder / "model.safetensors", metadata={"format": "pt"})


def _write_json(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n")
