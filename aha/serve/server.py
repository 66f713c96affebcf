"""Running the application: the socket, and an end that lets running requests finish."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from aha.errors import RunError
from aha.serve.protocol import Bounded

AT_ONCE = 2.0
"""Seconds in which requests that are ended tell their clients so."""


class Server(uvicorn.Server):
    """Stops in steps. The first signal refuses new requests and waits `drain` seconds for those that run, with `/health`
    still answering; a second one ends those too, each with an error; a third one waits for nothing."""

    def __init__(self, app: Starlette, drain: float) -> None:
        self.app, self.drain, self.signals = app, drain, 0
        super().__init__(
            uvicorn.Config(
                app, log_level="warning", access_log=False, http=Bounded, ws="none", lifespan="on",
                timeout_keep_alive=30, timeout_graceful_shutdown=1, server_header=False,
            )
        )  # fmt: skip

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop has come."""
        self.signals += 1
        if self.signals > 2 or not hasattr(self.app.state, "aha"):
            self.should_exit = self.force_exit = True
            return
        self.app.state.aha.draining = True
        asyncio.get_running_loop().call_soon_threadsafe(self._drain if self.signals == 1 else self._stop)

    def _drain(self) -> None:
        self.draining = asyncio.ensure_future(self._until_idle())

    def _stop(self) -> None:
        self.app.state.aha.stopped.set()
        self.drain = min(self.drain, AT_ONCE)
        self.draining = asyncio.ensure_future(self._until_idle())

    async def _until_idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.drain):
                while self.app.state.aha.metrics.active:
                    await asyncio.sleep(0.02)
        self.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises RunError where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise RunError(f"--host {host!r} is no address of this machine: {error.strerror}") from None
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(1024)
    except OSError as error:
        made.close()
        raise RunError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None
    return made


def run(app: Starlette, sock: socket.socket, drain: float) -> Any:
    """Serve until told to stop."""
    return asyncio.run(Server(app, drain).serve(sockets=[sock]))
