"""HTTP/1.1 with a bound on every wait, for a request's head and for a client that has stopped to read, and on the head."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD, LONGEST = 10.0, 1 << 16
"""Seconds in which a request's head must come, from its first byte or from the connection, and its bytes at most."""
STALLED = 60.0
"""Seconds for which a client may leave its full buffers unread."""


class Bounded(HttpToolsProtocol):
    """Closes connections that keep the server waiting. Bodies have bounds of their own, see `body_of`."""

    head: asyncio.TimerHandle | None = None
    stall: asyncio.TimerHandle | None = None
    in_head, unread = False, 0
    """Whether a head has begun and not ended, and its bytes so far."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come, and has not asked anything."""
        super().connection_made(transport)
        self.head = self.loop.call_later(HEAD, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes have come. The clock runs on while they are part of a head, or of what nobody waits for."""
        super().data_received(data)
        self.unread = self.unread + len(data) if self.in_head else 0
        if self.cycle is not None and not self.cycle.response_complete:
            _cancel(self.head)
            self.head = None
        elif self.head is None and self.timeout_keep_alive_task is None:
            self.head = self.loop.call_later(HEAD, self.transport.abort)
        if self.unread > LONGEST:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self.in_head = False
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """A head has begun."""
        self.in_head = True
        super().on_message_begin()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self.stall = self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        _cancel(self.stall)
        self.stall = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        _cancel(self.head)
        _cancel(self.stall)
        self.head = self.stall = None
        super().connection_lost(exc)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
