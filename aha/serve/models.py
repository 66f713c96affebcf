"""The checkpoints that a server has, and the names under which they and their strategies can be asked for.

r1-mini                 one reply
r1-mini:majority@16     the same checkpoint, sixteen replies and a vote
r1-mini:auto            thinks only where the question looks hard
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from aha.chat import Chat
from aha.errors import ConfigError
from aha.models.folder import load_model, resolve
from aha.rollout.live import Live
from aha.search.parse import KINDS, STEPWISE, Scorers, parse
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
    """A name for each folder: NAME=FOLDER says it, else it is the last part of the path. Raises ConfigError for a bad one."""
    names: dict[str, str] = {}
    for text in folders:
        name, equals, folder = text.partition("=")
        if not equals:
            folder, name = text, Path(text).name or "model"
        if not name or ":" in name:
            raise ConfigError(f"{text}: {name!r} can be no name; write NAME={folder}, without a colon in NAME")
        if name in names:
            raise ConfigError(f"{text}: {name!r} already names {names[name]}; write OTHER={folder}")
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
        """The strategy of an id's second part. Raises Refused: 404 where there is none, 400 for its settings."""
        if "model=" in how or "/" in how:
            raise Refused(404, "a strategy may not name a file", "model", "model_not_found")
        text = how.replace("@", ":", 1)
        name = re.split("[:,]", text, maxsplit=1)[0].strip()
        kind, there = ALIASES.get(name, name), usable(checkpoint)
        if kind not in KINDS:
            said = f"no strategy {name[:100]!r}; there is {', '.join(there)}, with @NUMBER after it"
            raise Refused(404, said, "model", "model_not_found")
        try:
            made = parse(kind + text.strip()[len(name) :], checkpoint.scorers)
        except ConfigError as error:
            status, code = (400, None) if kind in there else (404, "model_not_found")
            raise Refused(status, f"{how[:100]}: {error}", "model", code) from None
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
        return {"object": "list", "data": [self.told(id) for id in self.ids()]}

    def told(self, id: str) -> dict[str, Any]:
        """What is said of one model. Raises Refused where there is none."""
        c, _ = self.find(id)
        return {"id": id, "object": "model", "created": c.created, "owned_by": "aha", "max_model_len": c.live.context}


def listed(c: Checkpoint) -> tuple[str, ...]:
    """The strategies that are shown for a checkpoint: those that what is loaded can score."""
    steps = LISTED_WITH_STEPS if c.scorers.process is not None else ()
    scored = LISTED_WITH_SCORER if c.scorers != Scorers() else ()
    return LISTED + steps + scored


def usable(c: Checkpoint) -> list[str]:
    """The names of all strategies that work with what is loaded."""
    lacks = {name for name, kind in KINDS.items() if kind.settle in STEPWISE and c.scorers.process is None}
    return [*ALIASES, *(name for name in KINDS if name not in lacks)]


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
