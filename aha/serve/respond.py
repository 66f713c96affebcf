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
from aha.serve.state import Settings, State
from aha.serve.wire import DONE, error_body, event, refusal

LISTED = 400
"""Characters of the header that names fields."""
STOPPED = "the server was told to stop before this answer was whole"


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
    headers = {"x-aha-ignored": _listed(ignored)} if ignored else {}
    if ask.stream:
        return Events(call.events(ask.with_usage, ask.with_running_usage), call.leave, headers)
    try:
        return JSONResponse(await _unless_ended(request, call.whole()), headers=headers)
    except Failed as failed:
        return refusal(Refused(500, str(failed)))
    finally:
        call.leave()


def _listed(names: list[str]) -> str:
    """Names in a header's worth of text; how many do not fit is said."""
    fit, room = list[str](), LISTED
    for name in names:
        room -= len(name) + 2
        if room < 0:
            break
        if name.isascii() and name.isprintable():
            fit.append(name)
    return ", ".join(fit + [f"and {len(names) - len(fit)} more"] * (len(fit) < len(names)))


async def _unless_ended(request: Request, work: Any) -> Any:
    """What `work` gives. As soon as the client hangs up, or the server has to stop, ends it and raises Gone or Refused."""
    state: State = request.app.state.aha
    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(_hangs_up(request.receive))
    stop = asyncio.ensure_future(state.stopped.wait())
    try:
        await asyncio.wait({task, watch, stop}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if stop.done():
            raise Refused(503, STOPPED, code="stopped")
        request.scope["aha.aborted"] = True
        raise Gone
    finally:
        watch.cancel()
        stop.cancel()
        await _end(task)


async def _end(task: asyncio.Future[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


async def _hangs_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _late(said: str) -> bytes:
    """An error that comes after the response has begun."""
    return event(error_body(said, "server_error"))


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
        stop = asyncio.ensure_future(scope["app"].state.aha.stopped.wait())
        try:
            await asyncio.wait({write, watch, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            unfinished, gone = not write.done(), watch.done()
            watch.cancel()
            stop.cancel()
            await _end(write)
        if unfinished and not gone:
            scope["aha.failed"] = True
            await send({"type": "http.response.body", "body": _late(STOPPED), "more_body": True})
            await send({"type": "http.response.body", "body": DONE, "more_body": False})
        elif unfinished:
            scope["aha.aborted"] = True
        elif not write.cancelled() and (error := write.exception()):
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
            await send({"type": "http.response.body", "body": _late(str(failed)), "more_body": True})
        finally:
            await self.events.aclose()  # type: ignore[attr-defined]
        await send({"type": "http.response.body", "body": DONE, "more_body": False})
