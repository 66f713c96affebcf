"""Small run folders for the runs view, and a client of a server that shows them."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

from starlette.testclient import TestClient

from aha.serve.app import application
from aha.serve.models import Catalogue
from aha.serve.runs import Runs
from aha.serve.server import Server, listening
from aha.serve.state import Settings
from aha.tables import json_line, parquet

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\x1b[31m \u202egnihton"


LONG = "of many words " * 9


def reply(step: int, sample: int, **changed):
    """A row as reinforcement keeps it."""
    right = (step + sample) % 2
    row = {
        "problem": f"toy/{sample % 3}", "prompt": f"User: puzzle {sample % 3} {LONG}\nAssistant:", "sample": sample,
        "reply": f"<think>wait {step} and {sample}</think><answer>{right}</answer>", "reward": float(right) + 0.1,
        "parts": json.dumps({"correct": float(right), "formatted": 1.0}), "reason": "" if right else "wrong value",
        "finish": "stop", "tokens": 10 * step + sample, "advantage": right - 0.5, "probe": False,
    }  # fmt: skip
    return row | changed


def training_run(root, steps: int = 4, samples: int = 6, told: int = 4):
    """A run of one stretch of training."""
    (root / "samples").mkdir(parents=True)
    (root / "settings.toml").write_text(f"steps = {told}\n")
    (root / "environment.json").write_text(json.dumps([{"argv": ["aha", "run", "recipes/zero.toml"]}]))
    for step in range(1, steps + 1):
        log(root, step)
        rows = [reply(step, sample) for sample in range(samples)]
        (root / "samples" / f"step-{step:06d}.parquet").write_bytes(parquet(rows))
    evals = [
        {"step": step, "task": "toy", "pass@1": mean, "pass@1_low": mean - 0.1, "pass@1_high": mean + 0.1}
        for step, mean in ((0, 0.2), (steps, 0.7))
    ]
    (root / "evals.jsonl").write_bytes(b"".join(map(json_line, evals)))
    return root


def log(root, step: int) -> None:
    """One more step in the log of a run."""
    row = {"step": step, "reward": 0.1 * step, "reward/correct": 0.1 * step, "length_mean": 20 + step, "entropy": 0.5,
           "seconds/step": 2.0, "sampled_tokens": 1000}  # fmt: skip
    with (root / "metrics.jsonl").open("ab") as stream:
        stream.write(json_line(row))


def app_of(root, key: str = "", reading: float = 60.0):
    """A server without models that shows the runs under `root`, and what to close."""
    view = Runs(root, reading)
    return application(Catalogue([]), Settings(), key, more=view.routes()), view


@contextmanager
def showing(root, key: str = "", reading: float = 60.0):
    """A client of such a server."""
    app, view = app_of(root, key, reading)
    try:
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
            yield client
    finally:
        view.close()


@contextmanager
def serving_runs(root, key: str = ""):
    """Such a server on a socket; yields its address."""
    app, view = app_of(root, key)
    sock = listening("127.0.0.1", 0)
    server = Server(app, 1.0)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        view.close()


def got(client, path: str = "", **asked):
    """What a route answers; it must be 200."""
    answer = client.get(f"/v1/runs{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()
