"""`aha doctor MODEL`: what a model is, whether it was made to think, what it takes to use and to train, what will be slow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from aha.errors import ConfigError

REPLIES, LENGTH = 32, 512
"""What memory is counted for: so many replies at once, of so many tokens with their prompt."""
TOKENS = 4096
"""Tokens of a micro-batch in training."""
RANK = 16
"""Of the adapters."""
LARGE = 50_000
"""From so many entries on, a vocabulary is a large part of a small model's work."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that each use takes, the program included; training none where the decoder does not know the model."""

    sampling: int
    sft: int | None = None
    sft_lora: int | None = None
    rl: int | None = None
    rl_lora: int | None = None


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
    free: int
    """Bytes of it that are free."""
    slow: list[str]

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def diagnose(model: str) -> Diagnosis:
    """Look at a model without loading its weights, which need not be there. Raises ModelError, one line, for one that could not be loaded."""
    from aha.chat import Chat
    from aha.models.families import UnknownFamily, read_config, read_json
    from aha.models.folder import resolve
    from aha.models.load import check_shapes, count, shapes, weight_files
    from aha.models.memory import memory_here
    from aha.models.memory import weights as weights_of

    folder = resolve(model)
    raw = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    slow: list[str] = []
    try:
        config = read_config(folder)
        if has_weights := any(folder.glob("*.safetensors")) or any(folder.glob("*.bin")):
            check_shapes(config, {n: s for file in weight_files(folder) for n, s in shapes(file).items()}, folder)
        else:
            slow.append("the folder holds no weights: everything here is read off its config.json")
        sizes = {name: value for name, value in asdict(config).items() if isinstance(value, int)}
    except UnknownFamily as unknown:
        config, sizes, has_weights = None, {}, True
        slow.append(f"{str(unknown).partition(': ')[2]}: it runs through transformers, and cannot be trained here")
    weights = count(folder) if config is None or has_weights else weights_of(config)
    chat = Chat.load(folder)
    if config is not None and len(chat) > config.vocab_size:
        raise ConfigError(f"{folder}: its tokenizer has {len(chat)} tokens, its weights have {config.vocab_size}")
    memory, (here, free) = memory_of(config, weights), memory_here()
    return Diagnosis(
        model, str(folder), str(raw.get("model_type")), weights, sizes, config is not None,
        "its own template" if chat.template else "plain text, as of a base model", chat.marks.end, thoughts_of(chat),
        memory, here, free, slow + slow_parts(config, weights, memory, here),
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
    """What each use takes in the arithmetic used here. Without a config only sampling through transformers is counted."""
    from aha.models import memory as m
    from aha.models.precision import DTYPES, fastest

    dtype = DTYPES[fastest()]
    if config is None:
        return Memory(m.PROGRAM + dtype.itemsize * weights)
    size = (config, TOKENS)
    sampling = m.sampling(config, REPLIES, LENGTH, dtype)
    sft, lora = (m.parts(*size, dtype, rank).total for rank in (0, RANK))
    rl, rl_lora = (m.reinforcing(*size, REPLIES, LENGTH, dtype, rank) for rank in (0, RANK))
    return Memory(*(m.PROGRAM + bytes_ for bytes_ in (sampling, sft, lora, rl, rl_lora)))


def slow_parts(config: Any, weights: int, memory: Memory, here: int) -> list[str]:
    """What will be slow or impossible on this machine."""
    from aha.models.memory import gigabytes
    from aha.models.precision import DTYPES, fastest

    found = []
    names = {
        "sampling": "sampling",
        "sft": "SFT",
        "sft_lora": "SFT with adapters",
        "rl": "RL",
        "rl_lora": "RL with adapters",
    }
    for name, what in names.items():
        if (needed := getattr(memory, name)) is not None and needed > here:
            found.append(f"{what} needs {gigabytes(needed)} and this machine has {gigabytes(here)}")
    if fastest() == "fp32":
        found.append("this processor does not multiply bf16, so all is computed in fp32: twice the bytes of bf16")
    if weights > 16_000_000:
        found.append(
            f"one reply alone: each of its tokens reads all {gigabytes(DTYPES[fastest()].itemsize * weights)} of weights; draw many at a time"
        )
    if config is not None and config.vocab_size > LARGE and config.vocab_size * config.hidden_size * 4 > weights:
        found.append(f"training: a quarter or more of the work is logits over {config.vocab_size} tokens")
    return found


def lines(d: Diagnosis) -> list[str]:
    """What was found, to be read."""
    from aha.models.memory import gigabytes
    from aha.models.precision import fastest

    s = d.sizes
    shape = (
        f", {s['num_hidden_layers']} layers of width {s['hidden_size']}, {s['num_attention_heads']} heads of "
        f"{s['head_dim']} ({s['num_key_value_heads']} for keys and values), vocabulary {s['vocab_size']}, "
        f"{s['max_position_embeddings']} positions" if s else ""
    )  # fmt: skip
    m, training = d.memory, list[str]()
    for name, full, lora in (("SFT", m.sft, m.sft_lora), ("RL", m.rl, m.rl_lora)):
        if full is not None and lora is not None:
            training.append(
                f"           {name} {gigabytes(full)}, with adapters of rank {RANK} {gigabytes(lora)} "
                f"(micro-batches of {TOKENS} tokens)"
            )
    return [
        f"model      {d.folder}",
        f"family     {d.family}, {d.weights / 1e6:.1f} M weights{shape}",
        f"prompts    {d.chat}; a reply ends with {d.end}",
        f"thoughts   {d.thoughts}",
        f"memory     sampling {gigabytes(m.sampling)} ({REPLIES} replies of {LENGTH} tokens, {fastest()})",
        *training,
        f"           this machine has {gigabytes(d.here)}, of which {gigabytes(d.free)} are free",
        *[f"slow       {line}" for line in d.slow],
    ]
