"""How long the runs view takes over many replies: each kind of question, median and worst.

    python -m benchmarks.runs_view --replies 1000000 --steps 2000

Writes a run folder of made-up replies (Parquet, one file a step, as training does) into a temporary folder, or uses the
one of an earlier call with --folder. Questions go through the HTTP routes. `begin` is the first page of a server that has
seen nothing; `all` is when every file is taken in. Prints one line of JSON, in seconds; `cpu` is what the median took of
processors, which stays the same on a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from aha.serve.app import application
from aha.serve.models import Catalogue
from aha.serve.runs import Runs
from aha.serve.state import Settings
from aha.tables import json_line, parquet

WORDS = ["wait", "but", "check", "so", "then", "no", "yes", "对", "不对", "try", "63", "98", "44", "+", "-", "*", "="]
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "newest": ("replies", {}),
    "longest": ("replies", {"order": "longest"}),
    "lowest reward": ("replies", {"order": "worst"}),
    "by reward part": ("replies", {"part": "correct", "most": 0}),
    "by part and reason": ("replies", {"part": "formatted", "least": 1, "reason": "wrong value", "order": "longest"}),
    "page 1000": ("replies", {"page": 1000, "order": "longest"}),
    "common word": ("replies", {"text": "check"}),
    "rare word": ("replies", {"text": "rarely"}),
    "word in capitals": ("replies", {"text": "Rarely"}),
    "rare word, longest first": ("replies", {"text": "rarely", "order": "longest"}),
    "filters": ("facets", {}),
    "prompts": ("prompts", {}),
    "one prompt at every step": ("prompt", {"problem": "probe/3"}),
    "curves": ("curves", {}),
    "list": ("", {}),
}


def write(root: Path, replies: int, steps: int) -> None:
    """A run folder of that size."""
    rng = random.Random(0)
    pieces = [" ".join(rng.choices(WORDS, k=rng.randint(10, 120))) for _ in range(5000)]
    (root / "samples").mkdir(parents=True)
    (root / "settings.toml").write_text(f"steps = {steps}\n")
    each = replies // steps
    for step in range(1, steps + 1):
        rows = [row(rng, pieces, step, n) for n in range(each)]
        (root / "samples" / f"step-{step:06d}.parquet").write_bytes(parquet(rows))
        told = {"step": step, "reward": rng.random(), "length_mean": 150 + step / 10, "seconds/step": 2.0}
        with (root / "metrics.jsonl").open("ab") as log:
            log.write(json_line(told))


def row(rng: random.Random, pieces: list[str], step: int, n: int) -> dict[str, Any]:
    """One reply of some 130 words, of two pieces."""
    right, probe = rng.random() < 0.5, n < 10
    text = f"{rng.choice(pieces)} {step} {n} {rng.choice(pieces)}" + (" rarely" if rng.random() < 1e-4 else "")
    problem = f"probe/{n}" if probe else f"train/{step}/{n // 16}"
    return {
        "problem": problem, "prompt": f"User: Using the numbers {n}, 19, 35, make {step}.\nAssistant:", "sample": n % 16,
        "reply": f"<think>{text}</think><answer>{n}</answer>", "reward": float(right) - len(text) / 1e4,
        "parts": json.dumps({"correct": float(right), "formatted": float(rng.random() < 0.95)}),
        "reason": "" if right else rng.choice(["wrong value", "wrong numbers", "no answer"]), "finish": "stop",
        "tokens": len(text) // 3, "advantage": rng.gauss(0, 1), "probe": probe,
    }  # fmt: skip


def measure(root: Path, rounds: int) -> dict[str, Any]:
    """Each question `rounds` times."""
    view = Runs(root.parent)
    app = application(Catalogue([]), Settings(), more=view.routes())
    with TestClient(app, base_url="http://127.0.0.1") as client:

        def ask(path: str, asked: dict[str, Any]) -> tuple[tuple[float, float], Any]:
            began, worked = time.perf_counter(), time.process_time()
            answer = client.get(f"/v1/runs/{path}".rstrip("/"), params={"run": root.name, **asked} if path else {})
            assert answer.status_code == 200, answer.text
            return (time.perf_counter() - began, time.process_time() - worked), answer.json()

        began, worked = time.perf_counter(), time.process_time()
        first, told = ask("replies", {})
        while told["reading"]["left"]:
            _, told = ask("replies", {})
        all_read = (time.perf_counter() - began, time.process_time() - worked)
        found: dict[str, Any] = {"replies": told["total"]}
        for name, [seconds, cpu] in (("begin", first), ("all", all_read)):
            found[name] = {"seconds": round(seconds, 2), "cpu": round(cpu, 2)}
        for name, (path, asked) in QUESTIONS.items():
            took = [ask(path, asked)[0] for _ in range(rounds)]
            seconds, cpu = (sorted(numbers) for numbers in zip(*took, strict=True))
            found[name] = {"median": statistics.median(seconds), "worst": seconds[-1], "cpu": statistics.median(cpu)}
            found[name] = {key: round(value, 3) for key, value in found[name].items()}
    found["database_mb"] = sum(file.stat().st_size for file in Path(view._room.name).iterdir()) // 2**20
    view.close()
    return found


def main() -> None:
    """Command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--replies", type=int, default=1_000_000)
    words.add_argument("--steps", type=int, default=2000)
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--folder", type=Path, help="keep the run folder here, and use it again")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as room:
        root = (given.folder or Path(room)).resolve() / "many"
        if not root.exists():
            write(root, given.replies, given.steps)
        print(json.dumps(measure(root, given.rounds), ensure_ascii=False))


if __name__ == "__main__":
    main()
