"""A server under mixed load for as long as you like: memory and files stay flat, no slot is lost, every request counted.

    python -m benchmarks.serve_soak tiny --minutes 60

Whole replies, streams, several choices, strategies, bad requests; one client in twenty hangs up in the middle. Prints a
line every half minute and one line of JSON; ends with status 1 where something is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
import urllib.request
from collections import Counter
from typing import Any

from benchmarks.crowd import body, crowd, questions, serving

HANG_UP = 0.05
KINDS: dict[str, dict[str, Any]] = {
    "whole": {}, "stream": {"stream": True}, "choices": {"n": 4}, "stops": {"stop": ["2"], "stream": True},
    "budget": {"thinking_token_budget": 20}, "greedy": {"temperature": 0, "stream": True, "logprobs": True},
    "vote": {"model": "model:majority@4"}, "routed": {"model": "model:auto"}, "bad": {"n": 0}, "unknown": {"model": "no"},
}  # fmt: skip


def mixed(count: int, seed: int) -> tuple[list[dict[str, Any]], tuple[int, ...]]:
    """Requests of every kind, and the numbers of those whose clients hang up."""
    rng = random.Random(seed)
    kinds = [rng.choice(list(KINDS.values())) for _ in range(count)]
    lengths = [rng.choice((5, 40, 150)) for _ in range(count)]
    bodies = [
        body("model", question, tokens, bool(kind.get("stream"))) | kind
        for question, tokens, kind in zip(questions(count), lengths, kinds, strict=True)
    ]
    streams = [i for i, kind in enumerate(kinds) if kind.get("stream")]
    return bodies, tuple(i for i in streams if rng.random() < HANG_UP * count / len(streams))


def counted(port: int) -> dict[str, float]:
    """The server's metrics."""
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with ask.open(f"http://127.0.0.1:{port}/metrics", timeout=20) as reply:
        rows = [line.rpartition(" ") for line in reply.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def outcomes(metrics: dict[str, float]) -> int:
    """How many requests were counted, however they ended."""
    return int(sum(value for name, value in metrics.items() if name.startswith("aha_requests_total")))


def settled(port: int) -> dict[str, float]:
    """The metrics once nothing runs any more, or after five seconds."""
    for _ in range(100):
        now = counted(port)
        if not any(now[name] for name in now if name.startswith(("aha_running", "aha_waiting", "aha_requests_active"))):
            break
        time.sleep(0.05)
    return now


def held(pid: int) -> tuple[float, int]:
    """Megabytes and open files of a process."""
    with open(f"/proc/{pid}/status") as file:
        [kilobytes] = [line.split()[1] for line in file if line.startswith("VmRSS")]
    return int(kilobytes) / 1024, len(os.listdir(f"/proc/{pid}/fd"))


def slope(points: list[tuple[float, float]]) -> float:
    """Megabytes a minute, of the line through (seconds, megabytes) with the least squares."""
    t, m = (sum(column) / len(points) for column in zip(*points, strict=True))
    spread = sum((x - t) ** 2 for x, _ in points)
    return 60 * sum((x - t) * (y - m) for x, y in points) / spread if spread else 0.0


def main() -> int:
    """Soak, and tell."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", nargs="?", default="tiny")
    arguments.add_argument("--minutes", type=float, default=60.0)
    arguments.add_argument("--clients", type=int, default=24)
    chosen = arguments.parse_args()
    statuses, points, sent, seed, said = Counter[int](), list[tuple[float, float]](), 0, 0, 0.0
    with serving(f"model={chosen.model}", "--slots", "32", "--searches", "16") as server:
        crowd(server.port, mixed(200, 1)[0], chosen.clients)
        _, files = held(server.pid)
        before, began = outcomes(settled(server.port)), time.monotonic()
        while (passed := time.monotonic() - began) < 60 * chosen.minutes:
            seed += 1
            bodies, leaving = mixed(200, seed)
            got = crowd(server.port, bodies, chosen.clients, leaving)
            statuses.update(reply.status for reply in got.replies)
            sent += len(bodies)
            points.append((passed, held(server.pid)[0]))
            if passed - said >= 30:
                said = passed
                print(f"{passed:5.0f} s  {sent} requests  {points[-1][1]:.0f} MB  {dict(statuses)}", flush=True)
        now = settled(server.port)
        left = {name: value for name, value in now.items() if value and name.startswith(("aha_running", "aha_waiting"))}
        late = points[len(points) // 3 :]
        told = {
            "minutes": chosen.minutes, "requests": sent, "statuses": dict(statuses), "uncounted": sent - outcomes(now) + before,
            "left_running": left, "files_before_after": [files, held(server.pid)[1]],
            "megabytes_first_last": [round(points[0][1]), round(points[-1][1])],
            "megabytes_a_minute": round(slope(late), 2),
        }  # fmt: skip
    print(json.dumps(told))
    return 1 if told["uncounted"] or left or not set(statuses) <= {200, 400, 404, 429} else 0


if __name__ == "__main__":
    sys.exit(main())
