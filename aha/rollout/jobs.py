"""What goes into a live decode loop and what comes out of it: jobs, their samples, pieces of replies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from aha.errors import AhaError
from aha.types import Sampling


class Full(AhaError):
    """Too many requests wait already; `ahead` samples would have to end first."""

    def __init__(self, ahead: int) -> None:
        super().__init__("too many requests are waiting; try again later")
        self.ahead = ahead


@dataclass(slots=True)
class Piece:
    """Tokens that one sample of a job gained since its last piece; `finish` or `error` on the last one."""

    job: Job
    sample: int
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    """The likeliest tokens in each place, where the job asked for them."""
    finish: str | None = None
    error: str = ""


Sink = Callable[[list[Piece]], None]


@dataclass(slots=True, eq=False)
class Job:
    """One prompt and `sampling.n` replies to it, told to `sink` from the loop's thread: it must be quick."""

    prompt_ids: list[int]
    sampling: Sampling
    sink: Sink
    occurrence: int = 0
    """Tells equal prompts of one call apart."""
    first: int = 0
    """The number of its first sample, where the samples of one request are jobs of their own."""
    stream: bool = False
    """Whether tokens are told as they come, and not only when a sample ends."""
    top: int = 0
    budget: int | None = None
    """Tokens of a thought at most; then it is closed and the answer opened."""
    opened: bool = False
    """Whether the prompt ends inside a thought."""
    cancelled: bool = False
    tag: Any = None
    """Whatever the sink wants to find again."""


@dataclass(slots=True, eq=False)
class Sample:
    """One reply on its way."""

    job: Job
    index: int
    key: int
    deadline: int | None = None
    """How many tokens may be drawn before an open thought is closed."""
    sent: int = 0
    forced: deque[int] = field(default_factory=deque)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    prompt: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.prompt = tuple(self.job.prompt_ids)

    def note_top(self, logits_V: Tensor) -> None:
        """Remember the likeliest tokens of this place, at the job's temperature."""
        logp_V = (logits_V.float() / (self.job.sampling.temperature or 1.0)).log_softmax(-1)
        found = logp_V.topk(min(self.job.top, len(logp_V)))
        self.top.append(list(zip(found.indices.tolist(), found.values.tolist(), strict=True)))

    def take_top(self) -> list[list[tuple[int, float]]]:
        """What was remembered since the last time."""
        taken, self.top = self.top, []
        return taken


class Outbox:
    """Pieces that wait to be told, by whom they go to: each sink is called once for all its pieces."""

    def __init__(self) -> None:
        self.by_sink: dict[Sink, list[Piece]] = {}

    def add(self, piece: Piece) -> None:
        """Put a piece in, unless nobody wants it any more."""
        if not piece.job.cancelled:
            self.by_sink.setdefault(piece.job.sink, []).append(piece)

    def deliver(self) -> None:
        """Tell all. A sink that is gone loses its own pieces only."""
        told, self.by_sink = self.by_sink, {}
        for sink, pieces in told.items():
            try:
                sink(pieces)
            except Exception:
                for piece in pieces:
                    piece.job.cancelled = True
