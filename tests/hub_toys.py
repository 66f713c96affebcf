"""A hub on this machine: the part of its API that fetching a data set takes, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

COMMIT = "a" * 40


class Hub:
    """Data sets by name, each a dict of file -> bytes; what was asked of it; and where a download is to break off."""

    def __init__(self, sets):
        self.sets, self.asked, self.cut = sets, [], {}


def handler(hub):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(body=True)

        def do_HEAD(self):
            self.reply(body=False)

        def log_message(self, *_):
            pass

        def reply(self, body):
            path = unquote(urlparse(self.path).path)
            hub.asked.append((self.command, path, self.headers.get("Range", "")))
            parts = path.strip("/").split("/")
            if parts[0] == "api":
                self.api("/".join(parts[2:4]), parts[4] if len(parts) > 4 else "")
            else:
                self.file(hub.sets["/".join(parts[1:3])]["/".join(parts[5:])], path, body)

        def api(self, name, what):
            if name not in hub.sets:
                self.send(404, json.dumps({"error": "Repository not found"}).encode(), {"X-Error-Code": "RepoNotFound"})
                return
            files = hub.sets[name]
            listed = [
                {"type": "file", "oid": etag(data), "size": len(data), "path": path} for path, data in files.items()
            ]
            info = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in files]}
            self.send(
                200, json.dumps(listed if what == "tree" else info).encode(), {"Content-Type": "application/json"}
            )

        def file(self, data, path, body):
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
            left, cut = data[start:], hub.cut.pop(path, None) if body else None
            headers = {"ETag": f'"{etag(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send(206 if start else 200, left, headers, body, cut)

        def send(self, status, data, headers, body=True, cut=None):
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(data[:cut])
            if cut is not None:
                self.close_connection = True

    return Handler


def etag(data):
    return hashlib.sha1(data).hexdigest()


@contextmanager
def served(sets):
    """A running hub, and its address."""
    hub = Hub(sets)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
