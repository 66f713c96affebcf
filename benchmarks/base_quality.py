"""What the base model does unasked: how right its sums and checks are, and what guessing and searching earn.

    python -m benchmarks.base_quality [tiny | FOLDER] [--test FILE.parquet] [--questions 300] [--samples 16] [--json]

Replies are sampled at temperature 1. A sum is any `a op b = c` in the thinking, a check any verdict at the end of a
line, and a search any reply whose thinking holds a sum.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from aha.chat import Chat
from aha.evaluate import evaluate
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rollout.engine import TorchEngine
from aha.tasks.countdown import countdown
from aha.types import Completion, Problem, Sampling

SUM = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
CHECK = re.compile(r"= (\d+) (yes|no|wrong|对|不对|错误)")
RIGHT = {"yes", "对"}


def is_right(a: str, op: str, b: str, c: str) -> bool:
    """Whether a sum holds."""
    x, y, z = int(a), int(b), int(c)
    return {"+": x + y == z, "-": x - y == z, "*": x * y == z, "/": y != 0 and z * y == x}[op]


def audit(problems: Sequence[Problem], groups: Sequence[Sequence[Completion]]) -> dict[str, float]:
    """Counts of right sums and checks over all replies."""
    sums = right = checks = agreed = found = false_alarm = 0
    by_operation: dict[str, list[bool]] = {op: [] for op in "+-*/"}
    for problem, group in zip(problems, groups, strict=True):
        for reply in group:
            equations = SUM.findall(reply.text)
            sums += len(equations)
            right += sum(is_right(*equation) for equation in equations)
            for equation in equations:
                by_operation[equation[1]].append(is_right(*equation))
            for value, verdict in CHECK.findall(reply.text):
                hit = int(value) == problem.answer["target"]
                checks += 1
                agreed += hit == (verdict in RIGHT)
                found += hit
                false_alarm += not hit and verdict in RIGHT
    return {
        "sums": sums, "sums_right": right / max(1, sums), "checks": checks, "checks_right": agreed / max(1, checks),
        **{f"sums_right {op}": sum(held) / max(1, len(held)) for op, held in by_operation.items()},
        **{f"sums {op}": len(held) for op, held in by_operation.items()},
        "hits": found, "false_alarms_per_check": false_alarm / max(1, checks),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--test", type=Path)
    parser.add_argument("--numbers", type=int, default=3)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=480)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    folder = resolve(args.model)
    engine = TorchEngine(load_model(folder, DTYPES[fastest()]), Chat.load(folder))
    task = countdown((args.numbers,), test=args.test, test_count=10**6 if args.test else args.questions)
    problems = [p for p in task.test if len(p.answer["numbers"]) == args.numbers][: args.questions]
    result = evaluate(engine, task, problems, Sampling(args.samples, args.max_tokens))
    searches = [bool(SUM.search(reply.text)) for group in result.groups for reply in group]
    correct = [score.parts["correct"] for row in result.scores for score in row]
    record = result.summary | audit(problems, result.groups) | {
        "search_share": sum(searches) / len(searches),
        "guess_accuracy": sum(c for c, s in zip(correct, searches, strict=True) if not s) / max(1, searches.count(False)),
        "search_accuracy": sum(c for c, s in zip(correct, searches, strict=True) if s) / max(1, searches.count(True)),
    }  # fmt: skip
    if args.json:
        print(json.dumps(record))
        return
    for name, value in record.items():
        print(f"{name:<24} {value:.4f}" if isinstance(value, float) else f"{name:<24} {value}")


if __name__ == "__main__":
    main()
