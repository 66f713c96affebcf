"""The pages of the server: files of one folder, sent under a policy by which nothing else is loaded or run.

/            the chat
/runs        run folders
/page/...    what the two are made of

They need no key and hold no data: what they show they ask the API for, with the key that their reader gives.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "page"
PAGES = {"/": "index.html", "/runs": "runs.html"}
PART = "/page/"
KINDS = {
    ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
    ".woff2": "font/woff2", ".txt": "text/plain",
}  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Only this server's own files, no markup made by scripts (trusted types), nobody's frame."""
HEADERS = {
    "content-security-policy": POLICY, "cache-control": "no-cache", "referrer-policy": "no-referrer",
    "x-frame-options": "DENY", "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin", "permissions-policy": "camera=(), geolocation=(), microphone=()",
}  # fmt: skip


def is_page(path: str) -> bool:
    """Whether a path is a page or a part of one, which need no key."""
    return path in PAGES or path.startswith(PART)


def page_routes() -> list[Route]:
    """The routes of the pages."""
    return [*(Route(path, send) for path in PAGES), Route(PART + "{name:path}", send)]


@cache
def files() -> dict[str, Path]:
    """The files by their names within the folder; no other path is ever opened."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in KINDS)
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


async def send(request: Request) -> Response:
    """GET a page or a part of it. Browsers keep it and ask each time whether it is still the same."""
    path = request.url.path
    file = files().get(PAGES.get(path) or path.removeprefix(PART))
    if file is None:
        raise HTTPException(404, "there is no such page")
    body = file.read_bytes()
    headers = HEADERS | {"etag": f'"{blake2b(body, digest_size=12).hexdigest()}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=KINDS[file.suffix])
