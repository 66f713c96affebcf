"""Many clients of a server in one loop over bare sockets, so that asking costs little of the cores it shares.

with serving("tiny", "--slots", "32") as server:
    done = crowd(server.port, [body(...) for question in questions(64)], clients=32)
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SERVE = "import typer; from aha.tools.serve import serve; typer.run(serve)"
TAIL = 4096
"""Bytes of an answer that are kept: its counts stand at the end."""


def questions(count: int) -> list[str]:
    """Different puzzles."""
    return [f"Using the numbers {3 + i % 80}, {5 + i % 31}, {7 + i % 17}, make {20 + i}." for i in range(count)]


def body(model: str, question: str, tokens: int, stream: bool, **more: Any) -> dict[str, Any]:
    """A request to the chat endpoint. The same for the same question, so that the same is drawn."""
    asked: dict[str, Any] = {
        "model": model, "messages": [{"role": "user", "content": question}], "seed": 1, "temperature": 1, "top_p": 1,
        "max_tokens": tokens, "stream": stream,
    }  # fmt: skip
    return asked | ({"stream_options": {"include_usage": True}} if stream else {}) | more


@dataclass
class Reply:
    """One request while it is answered: when it was asked, and what came."""

    sock: socket.socket
    began: float
    status: int = 0
    first: float = 0.0
    """Seconds to the first piece of text, or to the whole of an answer that does not stream."""
    seconds: float = 0.0
    tail: bytes = b""
    pieces: int = 0
    hang_up: bool = False
    """Whether to leave after the first piece."""

    def take(self, part: bytes) -> None:
        """Some more bytes of it."""
        if not self.status:
            self.status = int(part[9:12])
        self.tail = (self.tail + part)[-TAIL:]
        if not self.first and (b"data: {" in self.tail or b'"usage"' in self.tail):
            self.first = time.perf_counter() - self.began
        self.pieces += 1

    @property
    def tokens(self) -> int:
        """Tokens drawn, as the server counts them; 0 for one that tells no count."""
        before, found, after = self.tail.rpartition(b'"completion_tokens":')
        return int(after.split(b",")[0]) if found else 0


@dataclass
class Crowd:
    """What a crowd of clients got."""

    replies: list[Reply] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of a core that asking took."""

    @property
    def tokens(self) -> int:
        """Tokens of all."""
        return sum(reply.tokens for reply in self.replies)


def begin(port: int, asked: dict[str, Any], hang_up: bool = False) -> Reply:
    """Send a request on a connection of its own."""
    data = json.dumps(asked).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    sock = socket.create_connection(("127.0.0.1", port))
    reply = Reply(sock, time.perf_counter(), hang_up=hang_up)
    sock.sendall(head.encode() + data)
    return reply


def crowd(port: int, bodies: list[dict[str, Any]], clients: int, hang_up: tuple[int, ...] = ()) -> Crowd:
    """Ask everything, `clients` at a time; requests numbered in `hang_up` leave after their first piece."""
    waiting, got = list(enumerate(bodies))[::-1], Crowd()
    began, cpu = time.perf_counter(), time.process_time()
    with selectors.DefaultSelector() as sockets:

        def enter() -> None:
            number, asked = waiting.pop()
            reply = begin(port, asked, number in hang_up)
            sockets.register(reply.sock, selectors.EVENT_READ, reply)

        for _ in range(min(clients, len(waiting))):
            enter()
        while sockets.get_map():
            for key, _ in sockets.select():
                reply, part = key.data, key.data.sock.recv(1 << 18)
                if part:
                    reply.take(part)
                if not part or (reply.hang_up and reply.first):
                    sockets.unregister(reply.sock)
                    reply.sock.close()
                    reply.seconds = time.perf_counter() - reply.began
                    got.replies.append(reply)
                    if waiting:
                        enter()
    got.seconds, got.cpu = time.perf_counter() - began, time.process_time() - cpu
    return got


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    port: int
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of a core that it has used."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(*words: str) -> Iterator[Server]:
    """`aha serve` with these arguments, on a free port."""
    with started([sys.executable, "-c", SERVE, *words, "--port", "0"]) as server:
        yield server


@contextmanager
def started(command: list[str]) -> Iterator[Server]:
    """A server that prints its address in its first line, and is asked to stop in the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Server(int(line.split("/v1")[0].rpartition(":")[2]), process.pid)
    finally:
        process.terminate()
        process.wait(30)
