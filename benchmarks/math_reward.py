"""Precision and recall of the mathematics reward on labelled pairs, beside plain math-verify, and its speed.

    python -m benchmarks.math_reward [--split dev|test|all] [--by kind|family|maker] [--wrong] [--json]

Precision is the share of accepted answers that are labelled the same, recall the share of the answers labelled the
same that are accepted. Plain math-verify parses both sides in a box with its own defaults, in a process that is killed
after `--limit` seconds of processor time without a verdict, which counts as a refusal. Speed is in seconds of processor
time of all processes, every pair once, nothing remembered. `--wrong` prints the pairs each grader got wrong.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aha.rewards.math import VERSION, WORKERS, same_answer

PAIRS = Path(__file__).resolve().parents[1] / "tests" / "data" / "math_pairs.jsonl"
Grader = Callable[[str, str], float | None]


def plain(pipe: Connection, limit: float) -> None:
    """Grade pairs from a pipe as the library's own documentation does, ended by the kernel at the limit."""
    from math_verify import parse, verify

    pipe.send(None)
    while True:
        try:
            pair = pipe.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, limit)
        gold, answer = (parse(f"\\boxed{{{text}}}", parsing_timeout=None) for text in pair)  # type: ignore[arg-type]
        same = verify(gold, answer, timeout_seconds=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send((float(same), time.process_time()))


class Plain:
    """math-verify with its defaults, restarted when it hangs."""

    def __init__(self, limit: float) -> None:
        self.limit, self.used = limit, 0.0
        self.context = multiprocessing.get_context("spawn")
        self.pipe: Connection | None = None

    def __call__(self, gold: str, answer: str) -> float | None:
        if self.pipe is None:
            self.pipe, theirs = self.context.Pipe()
            self.process = self.context.Process(target=plain, args=(theirs, self.limit), daemon=True)
            self.process.start()
            theirs.close()
            self.pipe.recv()
        self.pipe.send((gold, answer))
        try:
            grade, self.used = self.pipe.recv()
        except EOFError:
            self.process.join()
            self.pipe, self.used = None, 0.0
            return None
        return float(grade)


def rates(rows: Iterable[tuple[bool, float | None]]) -> dict[str, float]:
    """Counts, precision and recall of (label, grade) rows."""
    rows = list(rows)
    kept = sum(label for label, _ in rows)
    taken = [label for label, grade in rows if grade == 1]
    return {
        "pairs": len(rows), "same": kept, "wrongly accepted": len(taken) - sum(taken), "wrongly refused": kept - sum(taken),
        "precision": round(sum(taken) / max(1, len(taken)), 4), "recall": round(sum(taken) / max(1, kept), 4),
    }  # fmt: skip


def processor_time(grader: Grader) -> float:
    """Seconds of this process and all that it started, those that still run included."""
    times = os.times()
    running = sum(worker.used for worker in WORKERS.idle) + getattr(grader, "used", 0.0)
    return times.user + times.system + times.children_user + times.children_system + running


def measure(grader: Grader, pairs: list[dict[str, Any]], key: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """Grade every pair once; rates of all and of each group."""
    began = processor_time(grader)
    grades = [grader(pair["gold"], pair["answer"]) for pair in pairs]
    seconds = processor_time(grader) - began
    groups = defaultdict(list)
    for pair, grade in zip(pairs, grades, strict=True):
        groups[key(pair)].append((pair["same"], grade))
    wrong = [pair | {"grade": grade} for pair, grade in zip(pairs, grades, strict=True) if (grade == 1) != pair["same"]]
    return {
        "all": rates((pair["same"], grade) for pair, grade in zip(pairs, grades, strict=True)),
        "groups": {name: rates(rows) for name, rows in sorted(groups.items())},
        "none": sum(grade is None for grade in grades), "a second": round(len(pairs) / seconds), "wrong": wrong,
    }  # fmt: skip


KEYS: dict[str, Callable[[dict[str, Any]], str]] = {
    "kind": lambda pair: str(pair["kind"]),
    "family": lambda pair: str(pair["kind"]).partition(":")[0] if pair["by"] == "rule" else str(pair["kind"]),
    "maker": lambda pair: str(pair["by"]),
}


def show(reports: dict[str, dict[str, Any]]) -> None:
    """One line for each group: precision and recall of each grader."""
    print(f"{'':28}{'pairs':>7}" + "".join(f"{name:>24}" for name in reports))
    names = sorted({name for report in reports.values() for name in report["groups"]})
    for name in [*names, "all"]:
        rows = [report["all"] if name == "all" else report["groups"][name] for report in reports.values()]
        cells = "".join(f"{row['precision']:>14.3f} /{row['recall']:>7.3f} " for row in rows)
        print(f"{name:28}{rows[0]['pairs']:>7}{cells}")
    for name, report in reports.items():
        print(f"{name}: {report['a second']} a second, {report['none']} without a verdict")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--split", choices=["dev", "test", "all"], default="all")
    parser.add_argument("--by", choices=list(KEYS), default="family")
    parser.add_argument(
        "--graders",
        nargs="+",
        choices=["strict", "lenient", "math-verify"],
        default=["strict", "lenient", "math-verify"],
    )
    parser.add_argument("--limit", type=float, default=10.0)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = [json.loads(line) for line in PAIRS.read_text().splitlines()]
    pairs = [pair for pair in pairs if options.split in ("all", pair["split"])]
    graders: dict[str, Grader] = {
        "strict": lambda gold, answer: same_answer(gold, answer).value,
        "lenient": lambda gold, answer: same_answer(gold, answer, lenient=True).value,
        "math-verify": Plain(options.limit),
    }
    reports = {name: measure(graders[name], pairs, KEYS[options.by]) for name in options.graders}
    wrong = {name: report.pop("wrong") for name, report in reports.items()}
    if options.wrong:
        for name, rows in wrong.items():
            for row in rows:
                print(name, json.dumps(row, ensure_ascii=False), file=sys.stderr)
    if options.json:
        about = {"version": VERSION, "split": options.split, "machine": platform.processor() or platform.machine()}
        print(json.dumps(about | {"workers": dict(WORKERS.counts), "graders": reports}))
    else:
        show(reports)


if __name__ == "__main__":
    main()
