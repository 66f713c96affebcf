"""What a running server knows, and what it does beyond the protocol."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from aha.serve.mailbox import Post
from aha.serve.metrics import Metrics
from aha.serve.models import Catalogue
from aha.serve.summary import Summariser
from aha.serve.wire import Shown

Thoughts = Literal["shown", "hidden", "summary"]
"""What clients get to see of thoughts; they are counted whatever it is."""


@dataclass
class Settings:
    """What a server does beyond the protocol."""

    shown: Shown = "both"
    thoughts: Thoughts = "shown"
    summary_by: str = ""
    """The served model that sums thoughts up; empty is by the rule."""
    unclosed: str = "reasoning"
    max_tokens: int = 0
    """Tokens of a reply at most; 0 is what the context leaves."""
    temperature: float = 0.6
    top_p: float = 0.95
    body: int = 1 << 20
    """Bytes of a request at most."""
    body_seconds: float = 30.0
    ping: float = 15.0
    searches: int = 4
    """Strategies that run at a time; more are refused."""
    search_tokens: int = 32_768
    """Tokens that one run of a strategy may draw."""

    def __post_init__(self) -> None:
        if self.thoughts == "hidden":
            self.shown = "none"


@dataclass
class State:
    """What a running server knows."""

    catalogue: Catalogue
    settings: Settings
    post: Post
    metrics: Metrics = field(default_factory=Metrics)
    draining: bool = False
    searching: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when running requests are to end at once."""

    def summariser(self) -> Summariser | None:
        """What says the thoughts of one request in short, where that is asked for."""
        if self.settings.thoughts != "summary":
            return None
        return Summariser(self.catalogue.checkpoints.get(self.settings.summary_by), self.post)
