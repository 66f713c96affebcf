"""What can be refused before anything trains: models that are missing, do not fit together, or do not fit in memory."""

from __future__ import annotations

from pathlib import Path

from aha.chat import Chat
from aha.errors import ConfigError, ModelError
from aha.models import memory
from aha.models.folder import read_config, resolve
from aha.models.load import weight_files
from aha.models.precision import DTYPES
from aha.pipeline.recipe import Machine, Rl
from aha.pipeline.recipe_r1 import R1
from aha.sandbox.pool import required_level
from aha.train.settings import Grpo
from aha.train.sft import Sft


def check(s: R1) -> None:
    """Raises ModelError, ConfigError or SandboxError, one line, for a recipe that could not run to its end."""
    taught: list[Sft | Grpo] = [s.dev1, s.dev3, *(rl.grpo for rl in (s.zero, s.dev2, s.reasoning, s.scenarios))]
    for name in (s.base, *s.students):
        folder = resolve(name)
        weight_files(folder)
        _fits(name, folder, taught if name == s.base else [s.distill], s)
    check_settings(s)


def check_settings(s: R1) -> None:
    """The same of what does not need any weights."""
    for name in (s.base, *s.students):
        same_vocabulary(resolve(name))
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


def same_vocabulary(folder: Path) -> None:
    """Raises ModelError for a folder whose tokenizer has tokens that its model does not know."""
    config, chat = read_config(folder), Chat.load(folder)
    if len(chat) > config.vocab_size:
        raise ModelError(f"{folder}: its tokenizer has {len(chat)} tokens, its weights have {config.vocab_size}")


def _fits(name: str, folder: Path, taught: list[Sft | Grpo], machine: Machine) -> None:
    config, there, threads = read_config(folder), memory.memory_here()[0], machine.threads or None
    needed = max(
        memory.parts(config, t.micro_tokens, DTYPES[machine.dtype], t.lora, recompute=True, threads=threads).total
        for t in taught
    )
    if needed > there:
        raise ConfigError(
            f"{name} needs about {needed / 2**30:.0f} GiB to train and this machine has {there / 2**30:.0f}; take a "
            "smaller model, or fewer micro_tokens, or lora=16"
        )
