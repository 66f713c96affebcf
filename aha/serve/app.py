"""The server's routes, and the guard in front of them: who may ask, from where, and how each request ended."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import aha
from aha.serve.ask import Refused
from aha.serve.endpoints import chat_completions, completions
from aha.serve.mailbox import Post
from aha.serve.models import Catalogue
from aha.serve.pages import is_page, page_routes
from aha.serve.respond import Gone
from aha.serve.state import Settings, State
from aha.serve.wire import refusal

OPEN = ("/health", "/ready")
"""Routes that need no key."""
COUNTED = ("/v1/chat/completions", "/v1/completions")
STUCK = 10.0
"""Seconds after which a decode loop that has not moved is called stuck."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def application(
    catalogue: Catalogue, settings: Settings, key: str = "", local: bool = True, origins: str = "",
    more: Sequence[Route] = (),
) -> Starlette:  # fmt: skip
    """The server as an ASGI application. `local` takes only requests that name this machine as their host; `more` are
    routes behind the same guard."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.aha = State(catalogue, settings, Post(asyncio.get_running_loop()))
        yield

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/v1/models", models), Route("/v1/models/{id:path}", model), Route("/health", health),
            Route("/ready", ready), Route("/version", version), Route("/metrics", metrics), *page_routes(),
            *more,
        ],
        exception_handlers={Refused: _refused, HTTPException: _http, Gone: _gone, Exception: _broken},  # type: ignore[dict-item]
        lifespan=lifespan,
    )  # fmt: skip
    app.add_middleware(Guard, key=key, local=local, origins=origins, state=lambda: app.state.aha)
    return app


async def models(request: Request) -> Response:
    """GET /v1/models: every checkpoint, and every strategy of it, as a model."""
    return JSONResponse(request.app.state.aha.catalogue.listing())


async def model(request: Request) -> Response:
    """GET /v1/models/ID."""
    return JSONResponse(request.app.state.aha.catalogue.told(request.path_params["id"]))


async def health(request: Request) -> Response:
    """GET /health: 200 while every decode loop moves."""
    loops = {c.name: c.live for c in request.app.state.aha.catalogue.checkpoints.values()}
    dead = [name for name, live in loops.items() if not live.thread.is_alive()]
    dead += [name for name, live in loops.items() if live.warm.is_set() and time.monotonic() - live.beat > STUCK]
    return JSONResponse({"status": "stuck" if dead else "ok", "stuck": dead}, 503 if dead else 200)


async def ready(request: Request) -> Response:
    """GET /ready: 200 when requests are taken."""
    state: State = request.app.state.aha
    warm = all(c.live.warm.is_set() for c in state.catalogue.checkpoints.values())
    said = "draining" if state.draining else "ready" if warm else "warming up"
    return JSONResponse({"status": said}, 200 if said == "ready" else 503)


async def version(request: Request) -> Response:
    """GET /version."""
    return JSONResponse({"version": aha.__version__})


async def metrics(request: Request) -> Response:
    """GET /metrics, for Prometheus."""
    state: State = request.app.state.aha
    loops = {c.name: c.live for c in state.catalogue.checkpoints.values()}
    gauges = [
        ("aha_running", "Replies being drawn.", {n: float(loop.running) for n, loop in loops.items()}),
        ("aha_waiting", "Replies that wait for a slot.", {n: float(loop.waiting) for n, loop in loops.items()}),
        ("aha_slots", "Replies that can be drawn at a time.", {n: float(loop.slots) for n, loop in loops.items()}),
        (
            "aha_drawn_tokens",
            "Tokens drawn, those of aborted requests too.",
            {n: float(loop.tokens) for n, loop in loops.items()},
        ),
    ]
    return PlainTextResponse(state.metrics.text(gauges), media_type="text/plain; version=0.0.4")


async def _refused(request: Request, error: Refused) -> Response:
    return refusal(error)


async def _http(request: Request, error: HTTPException) -> Response:
    refused = Refused(error.status_code, f"{request.url.path[:100]}: {error.detail}")
    refused.headers.update(error.headers or {})
    return refusal(refused)


async def _gone(request: Request, error: Gone) -> Response:
    return Response(status_code=499)


async def _broken(request: Request, error: Exception) -> Response:
    return refusal(Refused(500, "the server failed on this request; its log says why"))


class Guard:
    """Refuses who has no key or comes from a strange place, and counts how each request ended."""

    def __init__(self, app: ASGIApp, key: str, local: bool, origins: str, state: Callable[[], State]) -> None:
        self.app, self.key, self.local, self.origins, self.state = app, key.encode(), local, origins, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] in COUNTED:
            await self._count(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, counts = 0, self.state().metrics

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        counts.active += 1
        try:
            await self._answer(scope, receive, noted)
        except BaseException:
            scope["aha.failed"] = True
            raise
        finally:
            counts.active -= 1
            counts.outcomes[_outcome(scope, status)] += 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers(scope)]
            await send(message)

        if refused := self._refuses(scope):
            await refusal(refused)(scope, receive, marked)
        elif scope["method"] == "OPTIONS" and self.origins:  # a browser asks whether it may ask
            await Response(status_code=204)(scope, receive, marked)
        else:
            await self.app(scope, receive, marked)

    def _refuses(self, scope: Scope) -> Refused | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = _parts(f"//{headers.get('host', '')}")[0]
        if self.local and host not in LOOPBACK:
            return Refused(403, "this server answers to this machine's own name only", code="host")
        origin = headers.get("origin")
        if origin and self.origins != "*" and origin != self.origins and _parts(origin)[1] != headers.get("host"):
            return Refused(403, "pages of other places may not ask; see --cors", code="origin")
        keyless = scope["path"] in OPEN or is_page(scope["path"])
        if not self.key or keyless or (scope["method"] == "OPTIONS" and self.origins):
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), self.key):
            refused = Refused(
                401, "the key is missing or wrong: send Authorization: Bearer KEY", code="invalid_api_key"
            )
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        return None

    def _headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        base = [(b"x-content-type-options", b"nosniff")]
        if not self.origins:
            return base
        allowed = [(b"origin", self.origins), (b"headers", "authorization, content-type"), (b"methods", "GET, POST")]
        return base + [(b"access-control-allow-" + name, value.encode()) for name, value in allowed]


def _parts(url: str) -> tuple[str, str]:
    """Host and address of a URL; empty for what is none."""
    try:
        found = urlsplit(url)
        return found.hostname or "", found.netloc
    except ValueError:
        return "", ""


def _outcome(scope: Scope, status: int) -> str:
    if scope.get("aha.aborted"):
        return "aborted"
    if scope.get("aha.failed") or status >= 500 and status != 503 or not status:
        return "error"
    return "rejected" if status >= 400 else "success"
