"""Requests and tokens a second of `aha serve` against a plain transformers `generate` server, same model and questions.

    python -m benchmarks.serve_vs_generate tiny --clients 32

Three servers take turns: `aha serve`, `generate` for one request at a time, and `generate` for all that wait together.
All sample at temperature 1 in bf16, whole replies of at most `--tokens` tokens. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from contextlib import ExitStack

from aha.models.folder import resolve
from benchmarks.crowd import Server, body, crowd, questions, serving, started


def asked(server: Server, count: int, clients: int, tokens: int) -> dict[str, float]:
    """What one server does with `count` questions."""
    got = crowd(server.port, [body("model", question, tokens, False) for question in questions(count)], clients)
    assert all(reply.status == 200 for reply in got.replies)
    waits = [reply.seconds for reply in got.replies]
    return {
        "requests_per_second": count / got.seconds, "tokens_per_second": got.tokens / got.seconds,
        "seconds_median": statistics.median(waits), "seconds_longest": max(waits), "tokens": got.tokens,
    }  # fmt: skip


def main() -> None:
    """Measure, and print what was measured."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", nargs="?", default="tiny")
    arguments.add_argument("--clients", type=int, default=32)
    arguments.add_argument("--each", type=int, default=2)
    arguments.add_argument("--tokens", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    plain = [sys.executable, "-m", "benchmarks.generate_server", str(resolve(chosen.model))]
    with ExitStack() as stack:
        servers = {
            "aha": stack.enter_context(serving(f"model={chosen.model}", "--slots", str(chosen.clients))),
            "generate_alone": stack.enter_context(started([*plain, "--batch", "1"])),
            "generate_together": stack.enter_context(started([*plain, "--batch", str(chosen.clients)])),
        }
        for server in servers.values():
            asked(server, 2, 2, 10)  # warms up
        rounds = [
            {name: asked(server, chosen.clients * chosen.each, chosen.clients, chosen.tokens) for name, server in servers.items()}
            for _ in range(chosen.rounds)
        ]  # fmt: skip
    told = {
        name: {key: round(statistics.median(one[name][key] for one in rounds), 2) for key in rounds[0][name]}
        for name in servers
    }
    print(json.dumps({"model": chosen.model, "clients": chosen.clients, "rounds": chosen.rounds} | told))


if __name__ == "__main__":
    main()
