"""How what decode threads draw comes to the coroutines that wait for it."""

from __future__ import annotations

import asyncio
from typing import Any

from aha.rollout.jobs import Piece


class Mailbox:
    """Things that wait for one request's coroutine."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.waiter: asyncio.Future[None] | None = None

    def put(self, item: Any) -> None:
        """Add one; from the event loop's thread."""
        self.items.append(item)
        self._wake()

    async def take(self, seconds: float) -> list[Any]:
        """All there is, as soon as there is something; nothing after so many seconds."""
        if not self.items:
            loop = asyncio.get_running_loop()
            self.waiter, timer = loop.create_future(), loop.call_later(seconds, self._wake)
            try:
                await self.waiter
            finally:
                timer.cancel()
        items, self.items = self.items, []
        return items

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Post:
    """Brings pieces from decode threads to the mailboxes of their jobs: one call of the event loop for all of a step."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def __call__(self, pieces: list[Piece]) -> None:
        """Called by a decode loop."""
        self.loop.call_soon_threadsafe(self._spread, pieces)

    def _spread(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            mailbox, _ = piece.job.tag
            mailbox.put(piece)
