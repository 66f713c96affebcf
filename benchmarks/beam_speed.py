"""How much faster beam search is over many problems at once than over one at a time, and whether votes share prompts.

    python -m benchmarks.beam_speed [tiny | MODEL] [--scorer FOLDER] [--n 64] [--problems 64] [--alone 8] [--repeats 3] [--json]

Countdown with four numbers. The process model is the policy with a new head, unless one is given: it reads as much as a
trained one, and its scores, all 0.5, keep beams as they were drawn. Both arms run the same code on the same problems,
one after the other in each repetition; `--alone` is how many are taken one at a time, since that is slow. Tokens are those
drawn; the time is all of it, scoring included. A busy machine changes tokens a CPU second less than tokens a second.
`draws` is what the engine alone would draw a processor second with as many rows at a time as the arm had on average, without
prompts, steps and scorer: the ratio of the two is what batching could give if all the rest cost nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from aha.chat import Chat
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.models.process_scorer import ProcessScorer
from aha.rollout.engine import TorchEngine
from aha.search.beam import Beam
from aha.search.sample import Vote
from aha.search.types import Solved, Strategy
from aha.tasks.base import Task
from aha.tasks.countdown import countdown
from aha.types import Problem
from benchmarks.sampling_speed import rate


def timed(
    strategy: Strategy, make: Callable[[], TorchEngine], task: Task, parts: Sequence[Sequence[Problem]]
) -> dict[str, float]:
    """Tokens, seconds and processor seconds of one call for each part."""
    engine, solved = make(), list[Solved]()
    began, used = time.perf_counter(), time.process_time()
    for part in parts:
        solved += strategy(engine, task, part, 0)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    tokens, steps = engine.ledger.tokens, engine.ledger.steps
    scoring = sum(s.cost.seconds for s in solved) - engine.ledger.seconds
    return {
        "tokens": tokens, "tokens_per_second": tokens / seconds, "tokens_per_cpu_second": tokens / cpu,
        "rows_per_step": tokens / steps, "engine_share": engine.ledger.seconds / seconds, "scorer_share": scoring / seconds,
        "prompt_tokens_per_token": engine.ledger.prompt_tokens / tokens,
        "reused_tokens_per_token": engine.ledger.reused_tokens / tokens,
        "scorer_tokens_per_token": sum(s.cost.scorer_tokens for s in solved) / tokens, "seconds": seconds,
    }  # fmt: skip


def prefilled(n: int, make: Callable[[], TorchEngine], task: Task, problems: Sequence[Problem]) -> tuple[int, int]:
    """Prompt tokens a majority of n computes for these problems, and how many their prompts have."""
    engine = make()
    Vote(n=n, max_tokens=8)(engine, task, problems, 0)
    return engine.ledger.prompt_tokens, sum(len(engine.chat.encode(problem.prompt)) for problem in problems)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--scorer", type=Path, help="folder of a trained process model")
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--alone", type=int, default=8, help="problems taken one at a time")
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dtype", choices=DTYPES, default=fastest())
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_memory()
    folder, dtype = resolve(args.model), DTYPES[args.dtype]
    model, chat = load_model(folder, dtype), Chat.load(folder)
    scorer = ProcessScorer.load(args.scorer, dtype) if args.scorer else ProcessScorer.from_base(folder, dtype)
    task = countdown(numbers=(4,), test_count=args.problems)
    beam = Beam(scorer, n=args.n, width=args.width, max_tokens=args.max_tokens, step_tokens=64)

    def make() -> TorchEngine:
        return TorchEngine(model, chat)

    alone = [[problem] for problem in task.test[: args.alone]]
    timed(beam, make, task, alone[:1])  # compiles and warms up
    runs = []
    for _ in range(args.repeats):
        runs.append({"together": timed(beam, make, task, [task.test]), "alone": timed(beam, make, task, alone)})
        for arm in runs[-1].values():
            arm["draws"] = rate(model, chat, round(arm["rows_per_step"]))
        if not args.json:
            show(runs[-1])
    ratios = {
        name: [run["together"][name] / run["alone"][name] for run in runs]
        for name in ("tokens_per_second", "tokens_per_cpu_second", "draws")
    }
    shared = prefilled(args.n, make, task, task.test)
    if args.json:
        print(json.dumps({"settings": vars(args), "runs": runs, "ratios": ratios, "vote": shared}, default=str))
        return
    for name, values in ratios.items():
        print(
            f"together / alone, {name:<22} {', '.join(f'{v:.2f}' for v in values)}, median {statistics.median(values):.2f}"
        )
    print(f"vote of {args.n}: {shared[0]} prompt tokens computed, the prompts have {shared[1]}")


def show(run: dict[str, dict[str, float]]) -> None:
    """One repetition, an arm a line."""
    for arm, values in run.items():
        print(f"{arm:<9}" + "  ".join(f"{name} {value:.4g}" for name, value in values.items()))


if __name__ == "__main__":
    main()
