"""Clients that keep a server waiting, prompts of a million tokens, and a short soak, over bare sockets."""

from __future__ import annotations

import os
import socket
import time
from contextlib import contextmanager

import httpx2
import pytest

from aha.serve import protocol
from benchmarks.serve_soak import crowd, mixed, outcomes
from tests.serve_toys import PUZZLE, ask, counters, serving, settled

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def url():
    with serving("tiny", "mini-llama", body=16 << 20) as (url, _):
        yield url


@contextmanager
def connected(url: str):
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as s:
        yield s


def closed_after(s: socket.socket) -> float:
    """Seconds until the server hangs up."""
    began = time.perf_counter()
    try:
        while s.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    return time.perf_counter() - began


@pytest.mark.parametrize(
    "parts",
    [
        [b""], [b"GET /hea"], [f"POST {CHAT} HTTP/1.1\r\nHost: x".encode()],
        [b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /hea"],  # the second request of a connection
        [f"POST {CHAT} HTTP/1.1\r\nHost: other\r\nContent-Length: 9\r\n\r\n".encode(), b"{"],  # refused: who wants it?
    ],
)  # fmt: skip
def test_a_head_that_does_not_come_is_not_waited_for(url, parts, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD", 0.3)
    with connected(url) as s:
        for part in parts:
            s.sendall(part)
            time.sleep(0.1)
        assert closed_after(s) < 5
    assert httpx2.get(f"{url}/health", trust_env=False).status_code == 200


def test_a_head_that_trickles_in_is_not_waited_for(url, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD", 0.3)
    with connected(url) as s, pytest.raises(ConnectionError):
        s.sendall(b"GET /health HTTP/1.1\r\n")
        for _ in range(30):
            s.sendall(b"x: y\r\n")
            time.sleep(0.05)


def test_a_head_without_end_is_not_kept(url):
    with connected(url) as s, pytest.raises(ConnectionError):
        s.sendall(b"GET /health HTTP/1.1\r\n")
        for _ in range(200):
            s.sendall(b"x: " + b"y" * 4000 + b"\r\n")
            time.sleep(0.001)


def test_a_request_that_takes_long_is_not_taken_for_a_slow_head(url, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD", 0.5)
    assert ask(url, temperature=10, max_tokens=1900)[0] == 200


def test_a_client_that_does_not_read_is_let_go(url, monkeypatch):
    monkeypatch.setattr(protocol, "STALLED", 0.3)
    before = counters(url)['aha_requests_total{outcome="aborted"}']
    body = (
        b'{"model":"tiny","stream":true,"n":64,"temperature":10,"max_tokens":1900,"logprobs":true,"top_logprobs":20,'
        b'"thinking":{"type":"disabled"},"messages":[{"role":"user","content":"x"}]}'
    )
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        s.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        for _ in range(200):
            time.sleep(0.05)
            if counters(url)['aha_requests_total{outcome="aborted"}'] > before:
                break
    assert counters(url)['aha_requests_total{outcome="aborted"}'] == before + 1 and settled(url)


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        (CHAT, "messages", [{"role": "user", "content": "7 " * 1_000_000}]),
        ("/v1/completions", "prompt", "7 " * 1_000_000),
        ("/v1/completions", "prompt", [5] * 1_000_000),
    ],
)
def test_a_prompt_of_a_million_tokens_is_told_both_numbers_and_holds_up_nobody(url, path, field, value):
    began = time.process_time()  # of the server and of who asks
    status, body = ask(url, path, **{field: value})
    assert status == 400 and body["error"]["code"] == "context_length_exceeded" and time.process_time() - began < 4
    told = body["error"]["message"]
    assert "2048" in told and max(int(word) for word in told.replace(",", "").split() if word.isdigit()) > 100_000
    assert ask(url, max_tokens=5)[0] == 200


def test_memory_files_and_slots_are_as_before_after_a_short_soak():
    with serving("tiny", searches=16) as (url, catalogue):
        port, live = int(url.rpartition(":")[2]), catalogue.checkpoints["tiny"].live
        named = [{**body, "model": body["model"].replace("model", "tiny")} for body in mixed(60, 1)[0]]
        crowd(port, named, 12)
        assert settled(url)
        files, before = len(os.listdir("/proc/self/fd")), outcomes(counters(url))
        bodies, leaving = mixed(240, 2)
        got = crowd(port, [{**b, "model": b["model"].replace("model", "tiny")} for b in bodies], 12, leaving)
        assert settled(url) and {reply.status for reply in got.replies} <= {200, 400, 404, 429}
        assert outcomes(counters(url)) - before == len(bodies) and leaving
        assert (live.held, live.rows.room, len(live.rows.free_blocks)) == (0, live.slots, live.slots)
        assert abs(len(os.listdir("/proc/self/fd")) - files) <= 2
        assert ask(url, messages=[{"role": "user", "content": PUZZLE}])[0] == 200
