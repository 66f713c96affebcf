"""How many tokens a processor second the torch engine draws, by rows that run at a time and by top-p.

    python -m benchmarks.sampling_speed [tiny | MODEL] [--rows 16 64 512] [--top-p 1.0 0.95] [--tokens 128] [--repeats 3] [--json]

Replies to one prompt of Countdown; rows that end are followed by others, so that all rows are busy nearly all the time.
The settings take turns, so that a busy machine slows all alike; told is the fastest of the repeats. Seconds are the
processor's, of all threads together: on two free cores twice as many tokens come in a second of the clock.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from aha.chat import Chat
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.models.transformer import Transformer
from aha.rollout.engine import TorchEngine
from aha.tasks.countdown import countdown
from aha.types import Sampling


def rate(model: Transformer, chat: Chat, rows: int, top_p: float = 1.0, tokens: int = 128) -> float:
    """Tokens a processor second, prompt and start of the call included, with so many rows at a time."""
    [problem] = countdown(numbers=(4,), test_count=1).test
    engine, count = TorchEngine(model, chat, slots=rows), max(2 * rows, min(8 * rows, 1024))
    began = time.process_time()
    engine.generate([problem.prompt], Sampling(n=count, max_tokens=tokens, top_p=top_p))
    return engine.ledger.tokens / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 64, 512])
    parser.add_argument("--top-p", type=float, nargs="+", default=[1.0, 0.95])
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dtype", choices=DTYPES, default=fastest())
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_memory()
    folder = resolve(args.model)
    model, chat = load_model(folder, DTYPES[args.dtype]), Chat.load(folder)
    best = {(rows, top_p): 0.0 for rows in args.rows for top_p in args.top_p}
    for repeat in range(args.repeats + 1):
        for rows, top_p in best:
            found = rate(model, chat, rows, top_p, args.tokens if repeat else 4)  # the first round compiles
            best[rows, top_p] = max(best[rows, top_p], found if repeat else 0.0)
    if args.json:
        told = [{"rows": rows, "top_p": top_p, "tokens_per_cpu_second": rate} for (rows, top_p), rate in best.items()]
        print(json.dumps({"settings": vars(args), "rates": told}))
        return
    for (rows, top_p), found in best.items():
        print(f"rows {rows:>4}  top_p {top_p:<5} {found:>8.0f} tokens a processor second")


if __name__ == "__main__":
    main()
