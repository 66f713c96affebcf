"""One request to a model while it runs: its jobs in the decode loop, and the pieces that come back."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aha.chat import Chat
from aha.rollout.jobs import Full, Job
from aha.rollout.live import Live
from aha.serve.ask import Refused
from aha.serve.mailbox import Mailbox, Post
from aha.serve.metrics import Metrics
from aha.serve.summary import Summariser
from aha.serve.wire import PING, Sheet, usage
from aha.serve.writing import Delta, Writing
from aha.types import Sampling


class Failed(Exception):
    """The model failed on this request; the message says how."""


@dataclass
class Call:
    """The choices of one request. `start` it, read `whole` or `events`, and `leave` it whatever happens."""

    live: Live
    chat: Chat
    post: Post
    sheet: Sheet
    metrics: Metrics
    writings: list[Writing]
    jobs: list[Job]
    ping: float = 15.0
    summariser: Summariser | None = None
    began: float = field(default_factory=time.perf_counter)
    mailbox: Mailbox = field(default_factory=Mailbox)
    gone: bool = False

    def start(self) -> None:
        """Hand the jobs in. Raises Refused: 429 where too many wait, 400 where these alone are too many."""
        if len(self.jobs) > self.live.slots + self.live.queue:
            raise Refused(400, f"n: {len(self.jobs)} replies, at most {self.live.slots + self.live.queue}", "n")
        for index, job in enumerate(self.jobs):
            job.sink, job.tag = self.post, (self.mailbox, index)
        try:
            self.live.submit(*self.jobs)
        except Full as full:
            raise busy(full, self.live, self.metrics) from None

    async def deltas(self) -> AsyncIterator[list[tuple[int, list[Delta], str | None]]]:
        """What each choice gains as it comes, and how it ends; nothing when nothing has come for a while. Raises Failed."""
        left, first = len(self.jobs), True
        while left:
            pieces = await self.mailbox.take(self.ping)
            if pieces and first:
                first = False
                self.metrics.first.add(time.perf_counter() - self.began)
            gained: list[tuple[int, list[Delta], str | None]] = []
            for piece in pieces:
                index = piece.job.tag[1]
                writing = self.writings[index]
                if piece.error:
                    raise Failed(piece.error)
                if writing.finish is not None:
                    continue
                deltas = writing.add(piece)
                if self.summariser:
                    deltas = await self.summariser.shorten(writing, deltas)
                gained.append((index, deltas, writing.finish))
                if writing.finish is not None:
                    left -= 1
                    if piece.finish is None:  # ended by a stop string
                        self.live.cancel(piece.job)
            yield gained
        self.metrics.whole.add(time.perf_counter() - self.began)

    def leave(self) -> None:
        """Free what still runs, and count what was drawn. Calling it again does nothing."""
        if self.gone:
            return
        self.gone = True
        for job, writing in zip(self.jobs, self.writings, strict=True):
            if writing.finish is None:
                self.live.cancel(job)
        name = self.sheet.model.partition(":")[0]
        self.metrics.reply_tokens[name] += sum(len(w.ids) for w in self.writings)
        self.metrics.prompt_tokens[name] += self.prompt_tokens

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompts, each counted once however many choices it has."""
        return sum(len(job.prompt_ids) for job in self.jobs if job.first == 0)

    def usage(self) -> dict[str, Any]:
        """Token counts."""
        drawn = sum(len(w.ids) for w in self.writings)
        return usage(self.prompt_tokens, drawn, sum(w.reasoning_tokens for w in self.writings))

    async def whole(self) -> dict[str, Any]:
        """The answer in one piece. Raises Failed."""
        async for _ in self.deltas():
            pass
        return self.sheet.whole(self.writings, self.usage())

    async def events(self, with_usage: bool, running: bool = False) -> AsyncIterator[bytes]:
        """The answer as server-sent events, but for the last; `running` usage comes with all of it. Raises Failed."""
        opened = set[int]()
        async for gained in self.deltas():
            out = []
            for index, deltas, finish in gained:
                if index not in opened:
                    opened.add(index)
                    out.append(self.sheet.first(index))
                out += [self.sheet.delta(index, delta) for delta in deltas]
                if finish is not None:
                    out.append(self.sheet.last(index, finish))
            if running and out:
                out.append(self.sheet.bare(usage=self.usage()))
            yield b"".join(out) if gained else PING
        if self.sheet.vendor:
            yield self.sheet.bare(aha=self.sheet.vendor)
        if with_usage:
            yield self.sheet.bare(usage=self.usage())


def jobs_for(prompts: list[list[int]], sampling: Sampling, n: int, **options: Any) -> list[Job]:
    """A job for each choice, in the order of OpenAI's indices: all of the first prompt, then those of the second."""
    seen, jobs = Counter[tuple[int, ...]](), []
    for ids in prompts:
        occurrence = seen[tuple(ids)]
        seen[tuple(ids)] += 1
        jobs += [Job(ids, sampling, print, occurrence, first=i, **options) for i in range(n)]
    return jobs


def busy(full: Full, live: Live, metrics: Metrics) -> Refused:
    """429, and when to come again: as long as those ahead will take at the pace so far."""
    pace = metrics.whole.sum / max(1, sum(metrics.whole.counts)) or 1.0
    refused = Refused(429, str(full), code="queue_full")
    refused.headers["Retry-After"] = str(min(60, max(1, math.ceil(full.ahead * pace / live.slots))))
    return refused
