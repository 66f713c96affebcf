"""What serving costs: 32 clients at once against the bare engine at batch 32, and the first token of an idle server.

    python -m benchmarks.serve_load tiny --clients 32 --each 6

The clients ask for exactly the replies that the bare engine draws (same prompts, same seed), over real sockets, one
request after another each. Prints one line of JSON. Server and clients share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import torch

from aha.chat import Chat, render
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.rollout.engine import TorchEngine
from aha.types import Sampling

SERVE = "import typer; from aha.tools.serve import serve; typer.run(serve)"


def questions(count: int) -> list[str]:
    """Different puzzles."""
    return [f"Using the numbers {3 + i % 80}, {5 + i % 31}, {7 + i % 17}, make {20 + i}." for i in range(count)]


def bare(model: str, asked: list[str], clients: int, tokens: int) -> tuple[float, int]:
    """Seconds and tokens of the bare engine, warm."""
    folder = resolve(model)
    engine = TorchEngine(load_model(folder, torch.bfloat16), Chat.load(folder), slots=clients)
    prompts, sampling = [render(question) for question in asked], Sampling(1, tokens, 1.0, seed=1)
    engine.generate(prompts[:clients], sampling)
    began = time.perf_counter()
    groups = engine.generate(prompts, sampling)
    return time.perf_counter() - began, sum(len(reply.token_ids) for [reply] in groups)


class Client:
    """A connection that asks and counts; it reads no more of the answer than it must."""

    def __init__(self, port: int, model: str, tokens: int) -> None:
        self.port, self.model, self.max_tokens = port, model, tokens
        self.tokens, self.first = 0, list[float]()

    async def ask(self, question: str, stream: bool) -> None:
        """One request."""
        body: dict[str, Any] = {
            "model": self.model, "messages": [{"role": "user", "content": question}], "seed": 1, "temperature": 1,
            "top_p": 1, "max_tokens": self.max_tokens, "stream": stream,
        }  # fmt: skip
        body |= {"stream_options": {"include_usage": True}} if stream else {}
        data = json.dumps(body).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        began = time.perf_counter()
        writer.write(head.encode() + data)
        said = b""
        while part := await reader.read(1 << 16):
            if not said or b"data: " not in said:
                self.first.append(time.perf_counter() - began)
            said = said[-2000:] + part
        writer.close()
        at = said.rindex(b'"completion_tokens":') + len(b'"completion_tokens":')
        self.tokens += int(said[at:].split(b",")[0])


async def load(port: int, model: str, asked: list[str], clients: int, tokens: int, stream: bool) -> tuple[float, int]:
    """Seconds and tokens of all clients together."""
    waiting, crowd = list(reversed(asked)), [Client(port, model, tokens) for _ in range(clients)]

    async def busy(client: Client) -> None:
        while waiting:
            await client.ask(waiting.pop(), stream)

    began = time.perf_counter()
    await asyncio.gather(*map(busy, crowd))
    return time.perf_counter() - began, sum(client.tokens for client in crowd)


async def first_tokens(port: int, model: str, count: int) -> list[float]:
    """Milliseconds to the first bytes of a stream, of an idle server."""
    client, found = Client(port, model, 50), []
    for question in questions(count):
        client.first = []
        await client.ask(question, True)
        found.append(1000 * client.first[-1])
        await asyncio.sleep(0.05)
    return found


def main() -> None:
    """Measure, and print what was measured."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", nargs="?", default="tiny")
    arguments.add_argument("--clients", type=int, default=32)
    arguments.add_argument("--each", type=int, default=6)
    arguments.add_argument("--tokens", type=int, default=400)
    chosen = arguments.parse_args()
    keep_memory()
    asked = questions(chosen.clients * chosen.each)
    seconds, tokens = bare(chosen.model, asked, chosen.clients, chosen.tokens)
    found: dict[str, Any] = {"model": chosen.model, "clients": chosen.clients, "requests": len(asked)}
    found["bare"] = {"tokens": tokens, "tokens_per_second": round(tokens / seconds)}
    command = [sys.executable, "-c", SERVE, f"model={chosen.model}", "--port", "0", "--slots", str(chosen.clients)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split("/v1")[0].rpartition(":")[2])
        asyncio.run(load(port, "model", asked[: chosen.clients], chosen.clients, 50, False))  # waits until it is warm
        for name, stream in (("whole", False), ("stream", True)):
            seconds, tokens = asyncio.run(load(port, "model", asked, chosen.clients, chosen.tokens, stream))
            speed = tokens / seconds
            share = round(speed / found["bare"]["tokens_per_second"], 3)
            found[name] = {"tokens": tokens, "tokens_per_second": round(speed), "of_bare": share}
        waits = asyncio.run(first_tokens(port, "model", 40))
        found["first_token_ms"] = {"median": round(statistics.median(waits), 1), "max": round(max(waits), 1)}
    finally:
        server.terminate()
        server.wait(20)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
