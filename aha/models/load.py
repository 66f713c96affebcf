"""Weights from safetensors files, checked against `config.json` before a byte of them is read.

Only safetensors are opened: a pickle can run code of its maker's, and nothing in a folder is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aha.errors import ModelError
from aha.models.families import read_config, read_json
from aha.models.transformer import ModelConfig, Transformer

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
FLOATS = ("F64", "F32", "F16", "BF16")
"""Kinds of numbers that weights may be."""
LONGEST_HEADER = 32 << 20

Shape = tuple[int, ...]


def load_model(folder: Path, dtype: torch.dtype = torch.float32) -> Transformer:
    """The decoder with a folder's weights, in `dtype`. Raises ModelError for missing, extra or misshapen weights."""
    folder = Path(folder)
    config = read_config(folder)
    files = weight_files(folder)
    check_shapes(config, {name: shape for file in files for name, shape in shapes(file).items()}, folder)
    weights = {name: tensor for file in files for name, tensor in tensors(file, dtype)}
    return assemble(config, from_hugging_face(weights, config))


def assemble(config: ModelConfig, weights: Mapping[str, Tensor]) -> Transformer:
    """The decoder of these weights, under our names and of the right shapes."""
    with torch.device("meta"):
        model = Transformer(config)
    model.load_state_dict(weights, assign=True)
    return model


def check_shapes(config: ModelConfig, theirs: Mapping[str, Shape], where: Path) -> None:
    """Raises ModelError unless weights of these names and shapes are exactly what `config` needs."""
    expected = {name: shape for name, shape in expected_shapes(config)}
    found = {name: shape for name, shape in theirs.items() if not _is_extra(name, config)}
    odd = sorted(name for name in expected.keys() | found if expected.get(name) != found.get(name))
    if odd:
        said = f"{found[odd[0]]} where {expected.get(odd[0], 'none')} is needed" if odd[0] in found else "is missing"
        raise ModelError(f"{where}: the weights do not fit config.json, first at {odd[0]:.100}: {said}")


def expected_shapes(c: ModelConfig) -> Iterator[tuple[str, Shape]]:
    """What a model of this config consists of, under the names of its Hugging Face family."""
    E, F, D = c.hidden_size, c.intermediate_size, c.head_dim
    wide, narrow = c.num_attention_heads * D, c.num_key_value_heads * D
    yield "model.embed_tokens.weight", (c.vocab_size, E)
    yield "model.norm.weight", (E,)
    if not c.tie_word_embeddings:
        yield "lm_head.weight", (c.vocab_size, E)
    for layer in range(c.num_hidden_layers):
        at = f"model.layers.{layer}"
        for kind, rows, columns, bias in (
            ("self_attn.q_proj", wide, E, c.family == "qwen2" or c.attention_bias),
            ("self_attn.k_proj", narrow, E, c.family == "qwen2" or c.attention_bias),
            ("self_attn.v_proj", narrow, E, c.family == "qwen2" or c.attention_bias),
            ("self_attn.o_proj", E, wide, c.family != "qwen2" and c.attention_bias),
            ("mlp.gate_proj", F, E, c.mlp_bias), ("mlp.up_proj", F, E, c.mlp_bias), ("mlp.down_proj", E, F, c.mlp_bias),
        ):  # fmt: skip
            yield f"{at}.{kind}.weight", (rows, columns)
            if bias:
                yield f"{at}.{kind}.bias", (rows,)
        norms = {"input_layernorm": E, "post_attention_layernorm": E}
        norms |= {"self_attn.q_norm": D, "self_attn.k_norm": D} if c.family == "qwen3" else {}
        for kind, size in norms.items():
            yield f"{at}.{kind}.weight", (size,)


def weight_files(folder: Path) -> list[Path]:
    """A folder's safetensors files. Raises ModelError where there are none, or where its index points elsewhere."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        names = ["model.safetensors"]
    else:
        listed = read_json(index).get("weight_map")
        if not isinstance(listed, dict) or not all(isinstance(name, str) for name in listed.values()):
            raise ModelError(f"{index} holds no weight_map of file names")
        names = sorted(set(listed.values()))
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(f"{index}: {name!r:.100} is no safetensors file beside it")
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name} is missing" + _pickles(folder))
    return [folder / name for name in names]


def shapes(file: Path) -> dict[str, Shape]:
    """Names and shapes of a file's tensors, from its header alone. Raises ModelError for damage and odd kinds of numbers."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
    if length > LONGEST_HEADER:
        raise ModelError(f"{file} is damaged: it says that its header has {length} bytes")
    try:
        with safe_open(file, "pt") as opened:
            names = opened.keys()
            views = {name: opened.get_slice(name) for name in names}
            kinds = {name: view.get_dtype() for name, view in views.items()}
            found = {name: tuple(view.get_shape()) for name, view in views.items()}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error
    odd = next((name for name, kind in kinds.items() if kind not in FLOATS), None)
    if odd is not None:
        raise ModelError(f"{file}: {odd:.100} holds {kinds[odd]}; only {', '.join(FLOATS)} can be read")
    return found


def kept_in(folder: Path) -> torch.dtype:
    """The numbers of a folder's weights, whatever its config.json says: bf16 or fp16 where all are, else fp32, which holds any."""
    kinds = set[str]()
    for file in weight_files(Path(folder)):
        shapes(file)
        with safe_open(file, "pt") as opened:
            kinds |= {opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118, it is no dict
    return {"BF16": torch.bfloat16, "F16": torch.float16}.get("/".join(kinds), torch.float32)


def tensors(file: Path, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
    """A file's tensors in `dtype` or their own, one after another, so that no more than one is held twice."""
    try:
        with safe_open(file, "pt") as opened:
            names = opened.keys()
            for name in names:
                tensor = opened.get_tensor(name)
                if not all_finite(tensor):
                    raise ModelError(
                        f"{file}: {name:.100} holds numbers that are not finite, as a training that went wrong leaves "
                        f"them; take an earlier checkpoint"
                    )
                yield name, tensor.to(dtype)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def all_finite(tensor: Tensor) -> bool:
    """Whether no number of a tensor is NaN or infinite; one look at each, and nothing kept."""
    if not tensor.numel():
        return True
    low, high = torch.aminmax(tensor.detach())  # NaN if there is one
    return math.isfinite(low) and math.isfinite(high)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder's safetensors files, sharded or not, as they are."""
    read: dict[str, Tensor] = {}
    for file in weight_files(Path(folder)):
        shapes(file)
        read |= tensors(file)
    return read


def from_hugging_face(theirs: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Rename a Hugging Face state dict to ours, joining the query, key and value projections."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        if _is_extra(name, config):
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


def _is_extra(name: str, config: ModelConfig) -> bool:
    return name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings)


def _pickles(folder: Path) -> str:
    """What to do for weights in a pickle."""
    if any(folder.glob("*.bin")) or any(folder.glob("*.pth")):
        return (
            "; the weights beside it are pickles, which can run code and are not opened: save_pretrained(folder) of "
            "transformers writes safetensors, where you trust who made them"
        )
    return ""


def count(folder: Path) -> int:
    """How many weights a folder holds, from headers alone."""
    return sum(math.prod(shape) for file in weight_files(Path(folder)) for shape in shapes(file).values())
