"""What can be refused before anything trains: models that are missing, do not fit together, or do not fit in memory."""

from __future__ import annotations

import os
from pathlib import Path

from aha.chat import Chat
from aha.errors import ConfigError, ModelError
from aha.models.folder import read_config, resolve
from aha.models.load import count
from aha.pipeline.recipe import Rl
from aha.pipeline.recipe_r1 import R1
from aha.sandbox.pool import required_level

BYTES_A_WEIGHT = 18
"""What training holds for each weight: the weight, its fp32 master, gradient, and AdamW's two averages."""


def check(s: R1) -> None:
    """Raises ModelError, ConfigError or SandboxError, one line, for a recipe that could not run to its end."""
    for name in (s.base, *s.students):
        _fits(name, resolve(name))
    if len(set(s.students)) < len(s.students):
        raise ConfigError(f"students: {', '.join(s.students)} names one twice")
    for stage in ("zero", "dev2", "reasoning", "scenarios"):
        settings: Rl = getattr(s, stage)
        if not settings.steps:
            raise ConfigError(f"{stage}.steps is 0; a stage of reinforcement takes at least one step")
    if not s.unprotected:
        required_level()
    if not any((s.world.countdown, s.world.arithmetic, s.world.programs, s.world.choice)):
        raise ConfigError("world: all shares are 0, so there is nothing to train on; raise one of them")


def _fits(name: str, folder: Path) -> None:
    config, weights = read_config(folder), count(folder)
    chat = Chat.load(folder)
    if len(chat) > config.vocab_size:
        raise ModelError(f"{folder}: its tokenizer has {len(chat)} tokens, its weights have {config.vocab_size}")
    needed, there = BYTES_A_WEIGHT * weights, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise ConfigError(
            f"{name} needs about {needed / 2**30:.0f} GiB to train and this machine has {there / 2**30:.0f}; "
            f"take a smaller model"
        )
