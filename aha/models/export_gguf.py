"""GGUF files for llama.cpp and what is built on it, from a Hugging Face folder (format: github.com/ggml-org/ggml/docs/gguf.md).

    write_gguf(Path("my-model"), Path("my-model/my-model-Q8_0.gguf"), "q8_0", name="my-model")

Tokenizer and chat template go into the file. Left out: SmolLM3, stretched positions that sharpen attention (yarn), and
kinds of quantization that need measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from aha.chat import Chat
from aha.errors import ConfigError, ModelError
from aha.models.export_vocabulary import vocabulary
from aha.models.families import read_config
from aha.models.load import tensors, weight_files
from aha.models.rope import angles
from aha.models.transformer import ModelConfig

if TYPE_CHECKING:
    from gguf import GGUFWriter

KINDS = {"f16": "F16", "q8_0": "Q8_0"}
"""Numbers that weights may be kept in, and what files call them."""
FAMILIES = ("llama", "qwen2", "qwen3")


def kinds_of(text: str) -> list[str]:
    """The kinds in a list with commas. Raises ConfigError for an unknown one."""
    kinds = [kind.strip().lower() for kind in text.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"--gguf {text}: {kind!r} is not one of {', '.join(KINDS)}")
    return list(dict.fromkeys(kinds))


def write_gguf(folder: Path, file: Path, kind: str, name: str) -> None:
    """Write the model of a folder as one GGUF file. Raises ModelError where llama.cpp could not run it as it is."""
    import gguf

    config, chat = read_config(folder), Chat.load(folder)
    check_family(config, folder)
    writer = gguf.GGUFWriter(file, config.family)
    writer.add_name(name)
    writer.add_file_type(getattr(gguf.LlamaFileType, f"MOSTLY_{KINDS[kind]}"))
    _add_sizes(writer, config)
    _add_tokenizer(writer, folder, config, chat)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[config.family.upper()], config.num_hidden_layers)
    for theirs, tensor in _arranged(folder, config):
        ours = names.get_name(theirs, try_suffixes=(".weight", ".bias")) or theirs
        _add_tensor(writer, ours, tensor, KINDS[kind])
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def check_family(c: ModelConfig, folder: Path) -> None:
    """Raise ModelError for what llama.cpp, or this writer, has no code for."""
    odd = c.family == "qwen3" and c.attention_bias
    stretched = c.rope_scaling is not None and (c.family != "llama" or c.rope_scaling.rope_type == "yarn")
    if c.family not in FAMILIES or odd or stretched:
        what = f"family {c.family}" + (" with biases" if odd else " with stretched positions" if stretched else "")
        raise ModelError(f"{folder}: {what} cannot be written as GGUF; leave out --gguf")


def _add_sizes(writer: GGUFWriter, c: ModelConfig) -> None:
    writer.add_vocab_size(c.vocab_size)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_block_count(c.num_hidden_layers)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_dimension_count(c.head_dim)
    writer.add_rope_freq_base(c.rope_theta)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)


def _add_tokenizer(writer: GGUFWriter, folder: Path, c: ModelConfig, chat: Chat) -> None:
    found = vocabulary(folder, c.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(found.pre)
    writer.add_token_list(found.tokens)
    writer.add_token_types(found.kinds)
    writer.add_token_merges(found.merges)
    begin = chat.marks.begin or chat.marks.end  # unsaid, it would be token 11, whatever that is
    writer.add_bos_token_id(found.tokens.index(begin))
    writer.add_eos_token_id(found.tokens.index(chat.marks.end))
    writer.add_pad_token_id(found.tokens.index(chat.marks.pad))
    writer.add_add_bos_token(False)  # where a model needs one, its template writes it
    writer.add_chat_template((folder / "chat_template.jinja").read_text(encoding="utf-8"))


def _arranged(folder: Path, c: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    """Weights in fp32 under the names of the Hugging Face family, one after another, as llama.cpp wants them to lie."""
    for file in weight_files(folder):
        for name, tensor in tensors(file, torch.float32):
            turned = c.family == "llama" and name.rpartition(".")[0].endswith(("q_proj", "k_proj"))
            yield name, _interleaved(tensor, c.head_dim) if turned else tensor
    if c.rope_scaling is not None:
        cos_TD, sin_TD = angles(c.head_dim, c.rope_theta, 2, c.rope_scaling)
        plain_D = c.rope_theta ** -(torch.arange(0, c.head_dim, 2) / c.head_dim)
        yield "rope_freqs.weight", plain_D / torch.atan2(sin_TD[1], cos_TD[1])


def _interleaved(tensor: Tensor, head_dim: int) -> Tensor:
    """Rows of each head so that the two that positions turn together are neighbours, as llama.cpp's Llama has them."""
    return tensor.unflatten(0, (-1, 2, head_dim // 2)).transpose(1, 2).reshape(tensor.shape)


def _add_tensor(writer: GGUFWriter, name: str, tensor: Tensor, kind: str) -> None:
    """Matrices in the kind asked for, in F16 where their rows do not divide into its blocks; the rest stays in fp32."""
    import gguf

    data = tensor.numpy()
    if tensor.dim() == 1:
        writer.add_tensor(name, data)
    elif kind == "Q8_0" and tensor.shape[1] % 32 == 0:
        quantized = gguf.quants.quantize(data, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    elif float(np.abs(data).max(initial=0.0)) > np.finfo(np.float16).max:
        raise ModelError(f"{name} holds numbers that F16 cannot; leave out --gguf")
    else:
        writer.add_tensor(name, data.astype(np.float16))
