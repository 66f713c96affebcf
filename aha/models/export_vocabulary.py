"""A tokenizer as llama.cpp knows it: tokens, kinds, merges, and the name of how text is cut before any merge.

llama.cpp has its own code for every way to cut text into words, and none takes a pattern from a file. A tokenizer
that cuts in a way of its own can be read only where merges alone lead to the same tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from aha.errors import ModelError
from aha.models.families import read_json
from aha.models.tokenizer import PATTERN

_END_OF_LLAMA = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
WAYS = {
    (_WORDS + r"\p{N}{1,3}" + _END_OF_LLAMA,): "llama-bpe",
    (_WORDS + r"\p{N}" + _END_OF_LLAMA,): "qwen2",
    ("digits", "words"): "smollm",
    ("words",): "gpt-2",
    (PATTERN,): "superbpe",
}
"""What llama.cpp calls a way to cut, by the parts of the pre-tokenizer. The last one cuts numbers from text and nothing
else, so that merges see whole sentences; it cuts numbers of more than three digits from the right."""
SPACE = "\u0120"
"""A space, in the letters that stand for bytes."""


class Kind(IntEnum):
    """Kinds of tokens in a GGUF file."""

    NORMAL = 1
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a GGUF file says of a tokenizer."""

    pre: str
    tokens: list[str]
    kinds: list[Kind]
    merges: list[str]


def vocabulary(folder: Path, size: int) -> Vocabulary:
    """The vocabulary of `size` tokens in a folder's tokenizer. Raises ModelError for one that llama.cpp has no code for."""
    file = folder / "tokenizer.json"
    raw = read_json(file)
    model = raw.get("model") or {}
    pre = WAYS.get(tuple(_parts(raw.get("pre_tokenizer"))))
    if model.get("type") != "BPE" or pre is None:
        raise ModelError(f"{file}: llama.cpp has no code that cuts text as this tokenizer does; leave out --gguf")
    by_id = {i: token for token, i in model["vocab"].items()}
    kinds = dict.fromkeys(by_id, Kind.NORMAL)
    for added in raw.get("added_tokens", ()):
        by_id[added["id"]] = added["content"]
        kinds[added["id"]] = Kind.CONTROL if added["special"] else Kind.USER_DEFINED
    if max(by_id, default=0) >= size:
        raise ModelError(f"{file} has more tokens than the {size} of config.json")
    merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    if pre == "superbpe":
        merges = [*filter(_takes_space, merges), *(merge for merge in merges if not _takes_space(merge))]
    return Vocabulary(
        pre,
        [by_id.get(i, f"[PAD{i}]") for i in range(size)],
        [kinds.get(i, Kind.UNUSED) for i in range(size)],
        [" ".join(merge) for merge in merges],
    )


def _takes_space(merge: list[str]) -> bool:
    """Whether it joins a mark to the space after it. Without cuts between words these come first, or the next word
    would take the space. Within a word of the pattern they meet no other merge, so the order changes nothing there."""
    return merge[1].endswith(SPACE) and not merge[0].startswith(SPACE)


def _parts(pre: Any) -> Iterator[str]:
    """The parts of a pre-tokenizer that cut, by what they cut at."""
    kind = pre.get("type") if isinstance(pre, dict) else None
    if kind == "Sequence":
        for part in pre["pretokenizers"]:
            yield from _parts(part)
    elif kind == "Split" and "Regex" in pre["pattern"] and pre["behavior"] == "Isolated" and not pre["invert"]:
        yield pre["pattern"]["Regex"]
    elif kind == "Digits" and pre["individual_digits"]:
        yield "digits"
    elif kind == "ByteLevel" and not pre["add_prefix_space"]:
        yield from ["words"] if pre["use_regex"] else []
    else:
        yield json.dumps(pre)
