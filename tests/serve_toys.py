"""A server on a socket, in a thread of the test: real HTTP, and the embedded models."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import httpx2
import torch

from aha.search.parse import Scorers
from aha.serve.app import application
from aha.serve.models import Catalogue, load
from aha.serve.server import Server, listening
from aha.serve.state import Settings

servers: dict[str, Server] = {}
"""Those that run, by address."""
PUZZLE = "Using the numbers 44, 19, 35, make 98."


@contextmanager
def serving(*names: str, key: str = "", loop: dict | None = None, drain: float = 5.0, scorers=Scorers(), **settings):  # noqa: B008
    """Serve shipped models in fp32; yields the server's address and its catalogue."""
    options = {"slots": 16, "queue": 64} | (loop or {})
    catalogue = Catalogue([load(name, name, torch.float32, scorers, **options) for name in names or ("tiny",)])
    for c in catalogue.checkpoints.values():
        assert c.live.warm.wait(120)
    sock = listening("127.0.0.1", 0)
    server = Server(application(catalogue, Settings(**settings), key), drain)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    servers[url] = server
    try:
        yield url, catalogue
    finally:
        del servers[url]
        server.should_exit = True
        thread.join(20)
        for c in catalogue.checkpoints.values():
            c.live.close()


def says(catalogue: Catalogue, text: str, name: str = "tiny") -> None:
    """Make a served model write `text`, taken up after the tag that a prompt ends with."""
    live = catalogue.checkpoints[name].live
    ids, tags = live.chat.encode(text + "<|end|>"), live.chat.encode("<think><answer>")
    begins: dict[int, int] = {}

    def step(ids_R, memory, past):
        logits_RV = torch.full((len(ids_R), live.model.config.vocab_size), -60.0)
        for r, (slot, t) in enumerate(zip(past[2].tolist(), past[3].tolist(), strict=True)):
            if t == 0:
                begins[slot] = ids.index(int(ids_R[r])) + 1 if int(ids_R[r]) in tags else 0
            logits_RV[r, ids[min(begins[slot] + t, len(ids) - 1)]] = 60.0
        return logits_RV

    live.rows.decoder.step = step


def ask(url: str, path: str = "/v1/chat/completions", **more):
    """One request, to the chat endpoint unless told otherwise: status and body."""
    body = {"model": "tiny", "messages": [{"role": "user", "content": PUZZLE}], "seed": 1, "max_tokens": 200} | more
    reply = httpx2.post(f"{url}{path}", json=body, timeout=60, trust_env=False)
    return reply.status_code, reply.json()


def streamed(url: str, **more):
    """The chunks of a stream as JSON, and its lines."""
    body = {"model": "tiny", "messages": [{"role": "user", "content": PUZZLE}], "seed": 1, "max_tokens": 200} | more
    address = f"{url}/v1/chat/completions"
    with httpx2.stream("POST", address, json=body | {"stream": True}, timeout=60, trust_env=False) as reply:
        lines = [line for line in reply.iter_lines() if line]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1] if line.startswith("data: ")]
    return chunks, lines


def joined(chunks, name, index=0):
    """All that the chunks of a stream say under one name of a choice's deltas."""
    deltas = [c["delta"] for chunk in chunks for c in chunk["choices"] if c["index"] == index]
    return "".join(delta.get(name) or "" for delta in deltas)


def counters(url: str) -> dict[str, float]:
    """All metrics by name and labels."""
    text = httpx2.get(f"{url}/metrics", trust_env=False).text
    rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def settled(url: str, name: str = "tiny") -> bool:
    """Whether, within two seconds, nothing runs or waits any more."""
    for _ in range(100):
        now = counters(url)
        if (
            not now[f'aha_running{{model="{name}"}}']
            + now[f'aha_waiting{{model="{name}"}}']
            + now["aha_requests_active"]
        ):
            return True
        time.sleep(0.02)
    return False
