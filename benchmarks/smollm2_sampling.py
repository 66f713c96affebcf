"""How fast SmolLM2-135M replies on this machine's processor: our engine beside plain `generate` of transformers.

    python -m benchmarks.smollm2_sampling [--batches 1 8 32] [--tokens 128] [--repeats 3] [--threads 2] [--dtype bf16]
                                          [--sides ours transformers] [--profile] [--json]

Both sample at temperature 1 from the same weights, in turn within one run: as many different questions as there are rows,
through the model's own template, and replies of exactly `--tokens` tokens, since neither may end one. Tokens a second
count drawn tokens against the whole call, prompts included; the median of the repeats is reported. Tokens a second of the
processor's time, of all threads, hold on a busy machine too, best with one thread. A first call of each, for a few tokens,
warms up. `--group` asks one question only, of which a group's rows share the prompt. `--profile` prints what our engine
spends its time in.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from aha.chat import Chat, Marks, render
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rollout.engine import TorchEngine
from aha.types import Sampling
from benchmarks.profiled import profiled
from benchmarks.trl_side import peak_rss_gib

WARM_UP = 4
"""Tokens of the first calls."""
NEVER = "<empty_output>"
"""A token that the model was never taught: as the end of replies it leaves them to their full length."""

Side = Callable[[list[str], int, int], int]
"""Draws so many tokens in each of so many rows, the questions shared out evenly among them; returns how many it drew."""


def questions(count: int, group: bool) -> list[str]:
    """Sums in words, each another."""
    return [
        render(f"Mia has {7 + i} boxes of {3 + i % 9} pencils and gives away {5 + i % 11}. How many pencils are left?")
        for i in range(1 if group else count)
    ]


def timed(call: Callable[[], int]) -> tuple[float, float]:
    """Tokens a second of a call that returns how many it drew: by the clock, and by the processor's time."""
    began, worked = time.perf_counter(), time.process_time()
    tokens = call()
    return tokens / (time.perf_counter() - began), tokens / (time.process_time() - worked)


def ours(folder: Path, dtype: torch.dtype) -> Side:
    """aha's engine."""
    chat = Chat.load(folder)
    endless = Chat(chat.tokenizer, Marks(NEVER, (NEVER,), chat.marks.pad), chat.template)
    engine = TorchEngine(load_model(folder, dtype), endless)

    def sample(asked: list[str], rows: int, tokens: int) -> int:
        before = engine.ledger.tokens
        engine.generate(asked, Sampling(n=rows // len(asked), max_tokens=tokens))
        return engine.ledger.tokens - before

    return sample


def theirs(folder: Path, dtype: torch.dtype) -> Side:
    """`generate` of transformers, as it comes."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    chat, end = Chat.load(folder), tokenizer.convert_tokens_to_ids(NEVER)

    def sample(asked: list[str], rows: int, tokens: int) -> int:
        texts = [chat.prompt(text) for text in asked for _ in range(rows // len(asked))]
        batch = tokenizer(texts, return_tensors="pt", padding=True)
        with torch.inference_mode():
            drawn = model.generate(
                **batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=tokens, eos_token_id=end,
                pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        return int((drawn.shape[1] - batch["input_ids"].shape[1]) * rows)

    return sample


SIDES = {"ours": ours, "transformers": theirs}


def measure(sides: dict[str, Side], rows: int, args: argparse.Namespace) -> dict[str, Any]:
    """Median speeds of all sides for so many rows at a time, by the clock and by the processor's time."""
    asked = questions(rows, args.group)
    for sample in sides.values():
        sample(asked, rows, WARM_UP)
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(args.repeats):
        for name, sample in sides.items():
            speeds[name].append(timed(lambda sample=sample: sample(asked, rows, args.tokens)))  # type: ignore[misc]
    found: dict[str, Any] = {
        "rows": rows,
        "all": {name: [round(s, 1) for s, _ in both] for name, both in speeds.items()},
    }
    for i, by in enumerate(("clock", "processor")):
        median = {name: statistics.median(pair[i] for pair in pairs) for name, pairs in speeds.items()}
        times = {"times": median["ours"] / median["transformers"]} if len(median) > 1 else {}
        found[by] = median | times
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="smollm2")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dtype", choices=DTYPES, default=fastest())
    parser.add_argument("--sides", choices=SIDES, nargs="+", default=list(SIDES))
    parser.add_argument("--group", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_memory()
    folder = resolve(args.model)
    sides = {name: SIDES[name](folder, DTYPES[args.dtype]) for name in args.sides}
    report = {"dtype": args.dtype, "tokens": args.tokens, "threads": torch.get_num_threads(), "rows": list[Any]()}
    for rows in args.batches:
        found = measure(sides, rows, args)
        report["rows"].append(found)
        for by in () if args.json else ("clock", "processor"):
            print(f"{rows:3d} rows, {by:>9}: " + ", ".join(f"{k} {v:.2f}" for k, v in found[by].items()), flush=True)
    report["peak_rss_gib"] = peak_rss_gib()
    if args.profile and "ours" in sides:
        asked = questions(args.batches[-1], args.group)
        profiled(lambda: sides["ours"](asked, args.batches[-1], args.tokens))
    if args.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
