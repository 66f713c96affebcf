"""What a running server knows, and what it does beyond the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field

from aha.serve.calls import Post
from aha.serve.metrics import Metrics
from aha.serve.models import Catalogue
from aha.serve.wire import Shown


@dataclass
class Settings:
    """What a server does beyond the protocol."""

    shown: Shown = "both"
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


@dataclass
class State:
    """What a running server knows."""

    catalogue: Catalogue
    settings: Settings
    post: Post
    metrics: Metrics = field(default_factory=Metrics)
    draining: bool = False
    searching: int = 0
