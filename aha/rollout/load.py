"""A model's folder as an engine: ours where the decoder knows the family, else that of transformers, which says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

from aha.chat import Chat
from aha.models.families import UnknownFamily, read_config
from aha.models.load import load_model
from aha.rollout.engine import TorchEngine
from aha.rollout.transformers_engine import TransformersEngine


def to_stderr(line: str) -> None:
    """What a user of the command line should know."""
    print(f"aha: {line}", file=sys.stderr)


def load_engine(
    folder: Path, dtype: torch.dtype, say: Callable[[str], None] = to_stderr, slots: int = 512
) -> TorchEngine | TransformersEngine:
    """An engine that samples from a model folder; what the user should know of it is said. Raises ModelError."""
    try:
        read_config(folder)
    except UnknownFamily as unknown:
        engine = TransformersEngine.load(folder, dtype)
        say(f"{unknown}; so it runs through transformers: several times slower, and it cannot be trained here")
        return engine
    return TorchEngine(load_model(folder, dtype), Chat.load(folder), slots)
