"""Which models the decoder is: `config.json` read with every size checked, and written again.

    llama      Llama 2 to 3.3, SmolLM and SmolLM2, and what is built like them
    qwen2      Qwen2 and Qwen2.5: biases on queries, keys and values
    qwen3      Qwen3: queries and keys normalized
    smollm3    SmolLM3: some layers without positions

Anything else is refused in one line. Left out: quantized weights, sliding windows, activations other than SiLU.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from aha.errors import ModelError
from aha.models.rope import Kind, RopeScaling
from aha.models.transformer import ModelConfig

FAMILIES = {
    "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
}  # fmt: skip
SIZES = {
    "vocab_size": 1 << 22, "hidden_size": 1 << 17, "intermediate_size": 1 << 19, "num_hidden_layers": 1024,
    "num_attention_heads": 4096, "num_key_value_heads": 4096, "head_dim": 4096, "max_position_embeddings": 1 << 25,
}  # fmt: skip
"""What a config must say, and the most that is believed."""
THETA = {"smollm3": 2_000_000.0}
TIED = {"smollm3"}
"""Where these stay unsaid."""
MARKS = ("bos_token_id", "eos_token_id", "pad_token_id")


class UnknownFamily(ModelError):
    """A model that the decoder is not. Another library may still run it."""


def read_json(file: Path) -> dict[str, Any]:
    """A file's record. Raises ModelError for anything else."""
    try:
        raw = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is not JSON: {error}") from error
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}") from error
    if not isinstance(raw, dict):
        raise ModelError(f"{file} holds no record of settings")
    return raw


def read_config(folder: Path) -> ModelConfig:
    """Sizes from `config.json`. Raises UnknownFamily for what the decoder is not, ModelError for what makes no sense."""
    file = Path(folder) / "config.json"
    if not file.is_file():
        raise ModelError(f"{folder} is no model folder: it has no config.json")
    return config_of(read_json(file), file)


def config_of(raw: dict[str, Any], file: Path) -> ModelConfig:
    """The decoder's sizes and switches. `file` is named in errors."""
    try:
        return _config_of(raw, file)
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:  # a setting of a kind that none should be
        raise ModelError(f"{file} makes no sense: {error}") from error


def _config_of(raw: dict[str, Any], file: Path) -> ModelConfig:
    family = raw.get("model_type")
    if family not in FAMILIES:
        raise UnknownFamily(f"{file}: model_type {family!r} is not one of {', '.join(FAMILIES)}")
    _is_ours(raw, file)
    raw = {name: value for name, value in raw.items() if value is not None}
    heads = _size(raw, "num_attention_heads", file)
    known = {"num_key_value_heads": heads, "max_position_embeddings": 2048} | raw
    known.setdefault("head_dim", _size(raw, "hidden_size", file) // heads)
    sizes = {name: _size(known, name, file) for name in SIZES}
    if heads % sizes["num_key_value_heads"] or sizes["head_dim"] % 2:
        raise ModelError(f"{file}: {heads} heads do not share {sizes['num_key_value_heads']}, or one is of odd size")
    rope = _rope(raw)
    return ModelConfig(
        **sizes,
        family=family,
        rope_theta=_number({"rope_theta": THETA.get(family, 10_000.0)} | raw | rope, "rope_theta", 0.0, file, 1.0),
        rope_scaling=_scaling(rope, raw, sizes["max_position_embeddings"], file),
        no_rope_layers=_turning(raw, sizes["num_hidden_layers"]) if family == "smollm3" else (),
        rms_norm_eps=_number(raw, "rms_norm_eps", 1e-6, file),
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", family in TIED)),
        attention_bias=family != "qwen2" and bool(raw.get("attention_bias", False)),
        mlp_bias=bool(raw.get("mlp_bias", False)),
        bos_token_id=_first(raw.get("bos_token_id")),
        eos_token_id=_first(raw.get("eos_token_id")),
        pad_token_id=_first(raw.get("pad_token_id")),
    )


def written(c: ModelConfig) -> dict[str, Any]:
    """The record of a config as transformers, vLLM and llama.cpp read it."""
    record = {name: getattr(c, name) for name in (*SIZES, *MARKS, "rms_norm_eps", "tie_word_embeddings", "rope_theta")}
    record |= {
        "architectures": [FAMILIES[c.family]], "model_type": c.family, "hidden_act": "silu",
        "attention_bias": c.attention_bias, "attention_dropout": 0.0,
    }  # fmt: skip
    if c.rope_scaling is not None:
        record["rope_scaling"] = c.rope_scaling.record()
    if c.family in ("llama", "smollm3"):
        record["mlp_bias"] = c.mlp_bias
    if c.no_rope_layers:
        record["no_rope_layers"] = list(c.no_rope_layers)
    return record


def _turning(raw: dict[str, Any], layers: int) -> tuple[int, ...]:
    """For each layer whether positions turn it: as it is listed, or all but every fourth."""
    every = raw.get("no_rope_layer_interval", 4)
    turning = raw.get("no_rope_layers", [layer % every != every - 1 for layer in range(layers)])
    if len(turning) < layers:
        raise ValueError(f"no_rope_layers has {len(turning)} of {layers} layers")
    return tuple(int(bool(turns)) for turns in turning[:layers])


def _is_ours(raw: dict[str, Any], file: Path) -> None:
    if raw.get("quantization_config"):
        raise UnknownFamily(f"{file}: the weights are quantized; give the folder of the model before that")
    if raw.get("hidden_act", "silu") != "silu":
        raise UnknownFamily(f"{file}: hidden_act {raw['hidden_act']!r} is not supported; it must be silu")
    window = raw.get("use_sliding_window") and raw.get("max_window_layers", 0) < raw.get("num_hidden_layers", 0)
    if window or "sliding_attention" in (raw.get("layer_types") or ()):
        raise UnknownFamily(f"{file}: sliding windows are not supported")


def _rope(raw: dict[str, Any]) -> dict[str, Any]:
    """What is said of positions, under either of its names."""
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    return {name: value for name, value in rope.items() if value is not None} if isinstance(rope, dict) else {}


def _scaling(rope: dict[str, Any], raw: dict[str, Any], positions: int, file: Path) -> RopeScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind not in get_args(Kind) or rope.get("partial_rotary_factor", 1.0) != 1.0:
        raise UnknownFamily(f"{file}: rope type {kind!r} is not one of default, {', '.join(get_args(Kind))}")
    length = raw.get("original_max_position_embeddings", rope.get("original_max_position_embeddings", positions))
    names = {field.name for field in fields(RopeScaling)} - {"rope_type", "truncate"}
    given: dict[str, Any] = {name: _number(rope, name, 0.0, file) for name in names if name in rope}
    if "factor" not in given and positions == length:
        raise ModelError(f"{file}: rope type {kind!r} without a factor")
    given.setdefault("factor", positions / max(1, length))
    given["original_max_position_embeddings"] = int(length)
    made = RopeScaling(kind, **given, truncate=bool(rope.get("truncate", True)))
    if made.factor <= 0 or made.high_freq_factor == made.low_freq_factor or not 0 < length <= 1 << 25:
        raise ModelError(f"{file}: positions cannot be stretched by {made.record()}")
    return made


def _size(raw: dict[str, Any], name: str, file: Path) -> int:
    value, most = raw.get(name), SIZES[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        said = "is missing" if value is None else f"is {value!r:.60}"
        raise ModelError(f"{file}: {name} {said}; it must be a whole number from 1 to {most}")
    return value


def _number(raw: dict[str, Any], name: str, otherwise: float, file: Path, least: float = 0.0) -> float:
    value = raw.get(name, otherwise)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value < 1e12:
        raise ModelError(f"{file}: {name} is {value!r:.60}; it must be a number of {least:g} or more")
    return float(value)


def _first(ids: Any) -> int | None:
    found = ids[0] if isinstance(ids, list) and ids else ids
    return found if isinstance(found, int) else None
