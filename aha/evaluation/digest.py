"""Short names for large things, by their bytes: a model's folder, a set of problems, prompts.

Whatever could change a reply or its grade changes one of these, and so the folder in which replies are kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AnySet
from pathlib import Path
from typing import Any

from aha.errors import ModelError
from aha.types import Problem

READ = ("config.json", "tokenizer.json", "*.safetensors")
"""The files of a model's folder that decide what it says."""


def model_digest(folder: Path) -> str:
    """Of a model's folder: its weights, sizes and tokenizer. Raises ModelError where there are no weights."""
    files = sorted(file for pattern in READ for file in folder.glob(pattern))
    if not any(file.suffix == ".safetensors" for file in files):
        raise ModelError(f"{folder} has no weights in safetensors")
    parts = []
    for file in files:
        with file.open("rb") as stream:
            parts.append(f"{file.name}:{hashlib.file_digest(stream, 'sha256').hexdigest()}")
    return text_digest("\n".join(parts))


def text_digest(text: str) -> str:
    """16 hexadecimal digits of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def revision(problems: Sequence[Problem]) -> str:
    """Of a problem set: ids, prompts and answers, in their order."""
    return text_digest(written([(problem.id, problem.prompt, problem.answer) for problem in problems]))


def prompts_digest(prompts: Iterable[str]) -> str:
    """Of prompts as the model reads them, in their order."""
    return text_digest(written(list(prompts)))


def written(value: Any) -> str:
    """A value as text that is the same in every process; sets and mappings in an order of their own."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{written(key)}:{written(item)}" for key, item in value.items())) + "}"
    if isinstance(value, AnySet):
        return "<" + ",".join(sorted(map(written, value))) + ">"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(written, value)) + "]"
    return repr(value)
