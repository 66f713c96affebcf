"""The checkpoints that a server has, and the names under which they and their strategies can be asked for.

r1-mini                 one reply
r1-mini:majority@16     the same checkpoint, sixteen replies and a vote
r1-mini:auto            thinks only where the question looks hard
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from aha.chat import Chat
from aha.errors import ConfigError
from aha.models.folder import load_model, resolve
from aha.rollout.live import Live
from aha.search.parse import Scorers, parse
from aha.search.types import Strategy
from aha.serve.ask import LARGEST_N, Refused

ALIASES = {"majority": "vote", "maj": "vote", "auto": "route"}
LISTED = ("majority@16", "short@16", "budget@200", "direct", "auto")
LISTED_WITH_STEPS = ("beam@16", "dvts@16")
LISTED_WITH_SCORER = ("bon@16", "weighted@16")


@dataclass(frozen=True)
class Checkpoint:
    """A model that is loaded and runs."""

    name: str
    live: Live
    chat: Chat
    scorers: Scorers
    created: int


def load(name: str, folder: str, dtype: Any, scorers: Scorers, **options: Any) -> Checkpoint:
    """Load a checkpoint and start its loop. Raises ModelError where there is none."""
    found = resolve(folder)
    chat = Chat.load(found)
    live = Live(load_model(found, dtype), chat, **options)
    live.start()
    return Checkpoint(name, live, chat, scorers, int((found / "config.json").stat().st_mtime))


def named(folders: Sequence[str]) -> dict[str, str]:
    """A name for each folder: NAME=FOLDER says it, else it is the last part of the path. Raises ConfigError for a double."""
    names: dict[str, str] = {}
    for text in folders:
        name, equals, folder = text.partition("=")
        if not equals:
            folder, name = text, Path(text).name or "model"
        if not name or name in names or ":" in name:
            raise ConfigError(f"{text}: the name {name!r} is taken, empty or has a colon; write NAME={folder}")
        names[name] = folder
    return names


class Catalogue:
    """All that can be asked for."""

    def __init__(self, checkpoints: Sequence[Checkpoint]) -> None:
        self.checkpoints = {c.name: c for c in checkpoints}
        self.began = int(time.time())

    def find(self, model: str) -> tuple[Checkpoint, Strategy | None]:
        """The checkpoint and strategy that an id names. Raises Refused (404) that lists what there is."""
        name, colon, how = model.partition(":")
        checkpoint = self.checkpoints.get(name)
        if checkpoint is None:
            raise Refused(
                404, f"no model {model[:100]!r}; there is {', '.join(self.ids())}", "model", "model_not_found"
            )
        return checkpoint, self.strategy(checkpoint, how) if colon else None

    def strategy(self, checkpoint: Checkpoint, how: str) -> Strategy:
        """The strategy of an id's second part. Raises Refused (404) where it is none, or too costly."""
        if "model=" in how or "/" in how:
            raise Refused(404, "a strategy may not name a file", "model", "model_not_found")
        name, _, rest = how.replace("@", ":", 1).partition(":")
        head = ALIASES.get(name.split(",")[0], name.split(",")[0]) + name[len(name.split(",")[0]) :]
        try:
            made = parse(f"{head}:{rest}" if rest else head, checkpoint.scorers)
        except ConfigError as error:
            raise Refused(404, f"{how[:100]}: {error}", "model", "model_not_found") from None
        for where, value in numbers(made):
            most = checkpoint.live.context if where in ("max_tokens", "cap", "floor", "reserve") else LARGEST_N
            if value > most:
                raise Refused(400, f"{how[:100]}: {where} = {value}, at most {most}", "model")
        return made

    def ids(self) -> list[str]:
        """All names, strategies with settings of their own left out."""
        return [f"{c.name}{':' + how if how else ''}" for c in self.checkpoints.values() for how in ("", *listed(c))]

    def listing(self) -> dict[str, Any]:
        """What /v1/models says."""
        rows = [
            {
                "id": f"{c.name}{':' + how if how else ''}", "object": "model", "created": c.created, "owned_by": "aha",
                "max_model_len": c.live.context,
            }
            for c in self.checkpoints.values() for how in ("", *listed(c))
        ]  # fmt: skip
        return {"object": "list", "data": rows}


def listed(c: Checkpoint) -> tuple[str, ...]:
    """The strategies that are shown for a checkpoint: those that what is loaded can score."""
    steps = LISTED_WITH_STEPS if c.scorers.process is not None else ()
    scored = LISTED_WITH_SCORER if c.scorers != Scorers() else ()
    return _known(LISTED) + steps + scored


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    from aha.search.parse import KINDS

    return tuple(n for n in names if ALIASES.get(n.split("@")[0], n.split("@")[0]) in KINDS)


def numbers(strategy: Any) -> list[tuple[str, int]]:
    """All whole numbers among a strategy's settings, those of the strategies inside it too."""
    found: list[tuple[str, int]] = []
    for f in fields(strategy):
        value = getattr(strategy, f.name)
        if isinstance(value, int) and not isinstance(value, bool):
            found.append((f.name, value))
        elif hasattr(value, "__dataclass_fields__") and f.name in ("think", "direct"):
            found += numbers(value)
    return found
