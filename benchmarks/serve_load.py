"""What serving costs: 32 clients at once against the bare engine at batch 32, and the first token of an idle server.

    python -m benchmarks.serve_load tiny --clients 32 --each 20

The clients ask for exactly the replies that the bare engine draws (same prompts, same seed), over real sockets, one
request after another each. Bare engine, whole replies and streams take turns, `--rounds` times. Prints one line of JSON.
Server and clients share the machine's cores; how much of a core the clients took is told.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from aha.chat import Chat, render
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rollout.engine import TorchEngine
from aha.types import Sampling
from benchmarks.crowd import Server, body, crowd, questions, serving


class Bare:
    """The engine itself, warm."""

    def __init__(self, model: str, asked: list[str], clients: int, tokens: int) -> None:
        folder = resolve(model)
        self.engine = TorchEngine(load_model(folder, DTYPES[fastest()]), Chat.load(folder), slots=clients)
        self.prompts, self.sampling = [render(question) for question in asked], Sampling(1, tokens, 1.0, seed=1)
        self.engine.generate(self.prompts[:clients], self.sampling)

    def __call__(self) -> tuple[float, int]:
        """Tokens a second, and tokens."""
        began = time.perf_counter()
        groups = self.engine.generate(self.prompts, self.sampling)
        tokens = sum(len(reply.token_ids) for [reply] in groups)
        return tokens / (time.perf_counter() - began), tokens


def served(server: Server, asked: list[str], clients: int, tokens: int, stream: bool) -> dict[str, float]:
    """The same replies from the server."""
    cpu = server.cpu
    got = crowd(server.port, [body("model", question, tokens, stream) for question in asked], clients)
    return {
        "tokens": got.tokens, "speed": got.tokens / got.seconds, "cores": (server.cpu - cpu) / got.seconds,
        "client_cores": got.cpu / got.seconds, "reads": sum(reply.pieces for reply in got.replies) / got.seconds,
    }  # fmt: skip


def first_tokens(port: int, count: int) -> list[float]:
    """Milliseconds to the first text of a stream, of an idle server."""
    found = []
    for question in questions(count):
        [reply] = crowd(port, [body("model", question, 50, True)], 1).replies
        found.append(1000 * reply.first)
        time.sleep(0.05)
    return found


def middle(rows: list[dict[str, float]], bare: list[float]) -> dict[str, float]:
    """The medians of some rounds, and the share of the bare engine's speed in the same round."""
    told = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    shares = [row["speed"] / speed for row, speed in zip(rows, bare, strict=True)]
    speeds = {"tokens_per_second": round(told["speed"]), "of_bare": round(statistics.median(shares), 3)}
    spread = {"from": round(min(shares), 3), "to": round(max(shares), 3), "tokens": told["tokens"]}
    return speeds | spread | {key: round(told[key], 2) for key in ("cores", "client_cores", "reads")}


def main() -> None:
    """Measure, and print what was measured."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", nargs="?", default="tiny")
    arguments.add_argument("--clients", type=int, default=32)
    arguments.add_argument("--each", type=int, default=20)
    arguments.add_argument("--tokens", type=int, default=400)
    arguments.add_argument("--rounds", type=int, default=5)
    chosen = arguments.parse_args()
    keep_memory()
    asked = questions(chosen.clients * chosen.each)
    bare = Bare(chosen.model, asked, chosen.clients, chosen.tokens)
    speeds: list[float] = []
    rows: dict[str, list[dict[str, float]]] = {"whole": [], "stream": []}
    with serving(f"model={chosen.model}", "--slots", str(chosen.clients)) as server:
        served(server, asked[: chosen.clients], chosen.clients, 50, False)  # waits until it is warm
        for _ in range(chosen.rounds):
            speed, tokens = bare()
            speeds.append(speed)
            for name, found in rows.items():
                found.append(served(server, asked, chosen.clients, chosen.tokens, name == "stream"))
        waits = first_tokens(server.port, 40)
    told: dict[str, Any] = {"model": chosen.model, "clients": chosen.clients, "requests": len(asked)}
    told["bare"] = {"tokens": tokens, "tokens_per_second": round(statistics.median(speeds))}
    told |= {name: middle(found, speeds) for name, found in rows.items()}
    told["first_token_ms"] = {"median": round(statistics.median(waits), 1), "max": round(max(waits), 1)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
