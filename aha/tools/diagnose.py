"""`aha doctor MODEL`: what a model is, whether it was made to think, what it takes to use and to train, what will be slow."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from aha.errors import ConfigError

REPLIES, LENGTH = 32, 512
"""What memory is counted for: so many replies at once, of so many tokens with their prompt."""
TOKENS = 4096
"""Tokens of a micro-batch in training."""
LARGE = 50_000
"""From so many entries on, a vocabulary is a large part of a small model's work."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: of the weights and what stands beside them, and of the replies or tokens under way."""

    sampling: int
    sft: int
    rl: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found."""

    model: str
    folder: str
    family: str
    weights: int
    sizes: dict[str, Any]
    ours: bool
    """Whether the decoder runs it, and can train it."""
    chat: str
    """Whose template prompts are written in."""
    end: str
    thoughts: str
    memory: Memory
    here: int
    """Bytes of memory of this machine."""
    slow: list[str]

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def diagnose(model: str) -> Diagnosis:
    """Look at a model without loading its weights. Raises ModelError, one line, for one that could not be loaded."""
    from aha.chat import Chat
    from aha.models.families import UnknownFamily, read_config, read_json
    from aha.models.folder import resolve
    from aha.models.load import check_shapes, count, shapes, weight_files

    folder = resolve(model)
    raw = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    slow: list[str] = []
    try:
        config = read_config(folder)
        check_shapes(config, {n: s for file in weight_files(folder) for n, s in shapes(file).items()}, folder)
        sizes = {name: value for name, value in asdict(config).items() if isinstance(value, int)}
    except UnknownFamily as unknown:
        config, sizes = None, {}
        slow.append(f"{str(unknown).partition(': ')[2]}: it runs through transformers, and cannot be trained here")
    chat, weights = Chat.load(folder), count(folder)
    if config is not None and len(chat) > config.vocab_size:
        raise ConfigError(f"{folder}: its tokenizer has {len(chat)} tokens, its weights have {config.vocab_size}")
    memory, here = memory_of(config, weights), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Diagnosis(
        model, str(folder), str(raw.get("model_type")), weights, sizes, config is not None,
        "its own template" if chat.template else "plain text, as of a base model", chat.marks.end, thoughts_of(chat),
        memory, here, slow + slow_parts(config, weights, memory, here),
    )  # fmt: skip


def thoughts_of(chat: Any) -> str:
    """What a model's template and tokenizer know of thoughts, in words."""
    tokens = "one token each" if chat.tokenizer.token_to_id("</think>") is not None else "written in several tokens"
    if chat.template is None or not chat.template.knows_thoughts:
        return f"the template says nothing of <think>; the tags are {tokens}"
    begun = "begins every reply with <think>" if chat.template.opens_thought else "lets the model open <think>"
    kept = "keeps" if chat.template.keeps_thoughts else "leaves out"
    return f"the template {begun} and {kept} the thoughts of earlier turns; the tags are {tokens}"


def memory_of(config: Any, weights: int) -> Memory:
    """What sampling in bf16 and training with fp32 masters take. Without a config only the weights are counted."""
    from aha.pipeline.check import BYTES_A_WEIGHT

    kept, worked = 0, 0
    if config is not None:
        kept = REPLIES * LENGTH * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 2
        worked = TOKENS * config.num_hidden_layers * (8 * config.hidden_size + 4 * config.intermediate_size) * 2
    sampling = 4 * weights + kept  # a second copy of the weights is laid out for decoding
    sft = BYTES_A_WEIGHT * weights + worked
    return Memory(sampling, sft, sft + 2 * weights + kept)


def slow_parts(config: Any, weights: int, memory: Memory, here: int) -> list[str]:
    """What will be slow or impossible on this machine."""
    import torch

    found = []
    for what, needed in (("sampling", memory.sampling), ("SFT", memory.sft), ("RL", memory.rl)):
        if needed > here:
            found.append(f"{what} needs {gigabytes(needed)} and this machine has {gigabytes(here)}")
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        found.append("this processor does not multiply bf16: use --dtype fp32")
    if weights > 16_000_000:
        found.append(
            f"one reply alone: each of its tokens reads all {gigabytes(2 * weights)} of weights; draw many at a time"
        )
    if config is not None and config.vocab_size > LARGE and config.vocab_size * config.hidden_size * 4 > weights:
        found.append(f"training: a quarter or more of the work is logits over {config.vocab_size} tokens")
    return found


def lines(d: Diagnosis) -> list[str]:
    """What was found, to be read."""
    s = d.sizes
    shape = (
        f", {s['num_hidden_layers']} layers of width {s['hidden_size']}, {s['num_attention_heads']} heads of "
        f"{s['head_dim']} ({s['num_key_value_heads']} for keys and values), vocabulary {s['vocab_size']}, "
        f"{s['max_position_embeddings']} positions" if s else ""
    )  # fmt: skip
    m = d.memory
    return [
        f"model      {d.folder}",
        f"family     {d.family}, {d.weights / 1e6:.1f} M weights{shape}",
        f"prompts    {d.chat}; a reply ends with {d.end}",
        f"thoughts   {d.thoughts}",
        f"memory     sampling {gigabytes(m.sampling)} ({REPLIES} replies of {LENGTH} tokens, bf16), "
        f"SFT {gigabytes(m.sft)}, RL {gigabytes(m.rl)}; this machine has {gigabytes(d.here)}",
        *[f"slow       {line}" for line in d.slow],
    ]


def gigabytes(count: int) -> str:
    """Bytes, to be read."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20))} MiB"
