"""Bodies in, responses out: in one piece or as a stream, and ended as soon as the client hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from aha.serve.ask import Ask, Refused
from aha.serve.calls import Failed
from aha.serve.state import Settings
from aha.serve.wire import DONE, error_body, event, refusal


class Gone(Exception):
    """The client has hung up."""


async def body_of(request: Request, settings: Settings) -> bytes:
    """The request's body. Raises Refused: 413 for one that is too large, 408 for one that does not come."""
    too_large = Refused(413, f"the body has more than {settings.body} bytes")
    length = request.headers.get("content-length", "0")
    declared = int(length[:20]) if length.isascii() and length.isdigit() else 0
    parts, size = [], 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for part in request.stream():
                size += len(part)
                if max(size, declared) <= settings.body:
                    parts.append(part)
                elif size > 8 * settings.body:  # a little more is read, so that the client comes to read the answer
                    break
    except TimeoutError:
        raise Refused(408, f"the body did not come within {settings.body_seconds:g} s") from None
    if max(size, declared) > settings.body:
        raise too_large
    return b"".join(parts)


async def respond(request: Request, call: Any, ask: Ask, ignored: list[str]) -> Response:
    """Start a call and answer with it. A client that hangs up ends it."""
    call.start()
    headers = (
        {"x-aha-ignored": ", ".join(name for name in ignored if name.isascii() and name.isprintable())[:400]}
        if ignored
        else {}
    )
    if ask.stream:
        return Events(call.events(ask.with_usage, ask.with_running_usage), call.leave, headers)
    try:
        return JSONResponse(await _unless_gone(request, call.whole()), headers=headers)
    except Failed as failed:
        return refusal(Refused(500, str(failed)))
    finally:
        call.leave()


async def _unless_gone(request: Request, work: Any) -> Any:
    """What `work` gives. Raises Gone as soon as the client hangs up, and ends the work."""
    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(_hangs_up(request.receive))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        request.scope["aha.aborted"] = True
        raise Gone
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _hangs_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Events(Response):
    """A stream of server-sent events; whatever fails late is told as one. `leave` is called at its end, whatever that is."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], leave: Callable[[], None], headers: dict[str, str]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"} | headers)
        del self.headers["content-length"]
        self.events, self.leave = events, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all, unless the client hangs up."""
        try:
            await self._stream(scope, receive, send)
        finally:
            self.leave()

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        write, watch = asyncio.ensure_future(self._write(scope, send)), asyncio.ensure_future(_hangs_up(receive))
        try:
            await asyncio.wait({write, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            if not write.done():
                scope["aha.aborted"] = True
                write.cancel()
                await asyncio.wait({write})
        if not write.cancelled() and (error := write.exception()):
            scope["aha.aborted"] = isinstance(error, OSError)
            if not scope["aha.aborted"]:
                raise error

    async def _write(self, scope: Scope, send: Send) -> None:
        try:
            async for part in self.events:
                if part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        except Failed as failed:
            scope["aha.failed"] = True
            body = event(error_body(str(failed), "server_error"))
            await send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            await self.events.aclose()  # type: ignore[attr-defined]
        await send({"type": "http.response.body", "body": DONE, "more_body": False})
