"""How fast replies are learnt on this machine's processor: plain fine-tuning, or with a teacher logit distillation.

    python -m benchmarks.sft_speed [tiny | MODEL] [--teacher MODEL] [--data FILE] [--threads 1] [--dtype bf16] [--steps 20]
                                   [--lora RANK] [--profile] [--json]

Examples are searches for Countdown as the embedded world writes them, or those of a file of JSON lines with `prompt` and
`reply`, of which every step reads the same. `tokens_per_second` counts reply tokens, `read_per_second` also prompts, those
of every example, `computed_per_second` each prompt once, and padding. The first steps warm up and are left out, and the
median step is reported. `tokens_per_cpu_second` goes by the processor's time of all threads, which a busy machine changes
less than the clock's. `peak_share` is the share of the measured matrix peak that is reached: the arithmetic of the matrix
products over the time. `--profile` prints what one more step spends its time in.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from aha.chat import END, Chat
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.models.transformer import Transformer
from aha.models.world.countdown_text import countdown_text
from aha.train import distill, sft
from aha.types import Example
from benchmarks.aha_side import matrix_peak, training_flops
from benchmarks.profiled import profiled
from benchmarks.trl_side import peak_rss_gib


def searches(count: int) -> list[Example]:
    """Questions and replies that think."""
    rng, found = random.Random(0), []
    for _ in range(count):
        prompt, mark, reply = countdown_text(rng, think=1.0).partition("Assistant:")
        found.append(Example(prompt + mark, reply.partition(END)[0]))
    return found


def read(file: Path, count: int) -> list[Example]:
    """The first examples of a file."""
    rows = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    return [Example(row["prompt"], row["reply"]) for row in rows[:count]]


def begin(args: argparse.Namespace, steps: int) -> tuple[Transformer, list[Example], Chat, Iterator[dict[str, float]]]:
    """The model, the examples of all steps, and the training that takes them."""
    model, chat = load_model(resolve(args.model), DTYPES[args.dtype]), Chat.load(resolve(args.model))
    examples = read(args.data, args.examples) if args.data else searches(args.examples * steps)
    shared = {"epochs": steps if args.data else 1, "examples": args.examples, "lr": args.lr, "micro_tokens": args.micro}
    shared["lora"] = args.lora
    if args.teacher:
        settings = distill.Distill(**shared)
        teacher = load_model(resolve(args.teacher), DTYPES[args.dtype]), Chat.load(resolve(args.teacher))
        found = distill.train(model, chat, *teacher, examples, settings, distill.start(model, settings), seed=0)
    else:
        plain = sft.Sft(**shared)
        found = sft.train(model, chat, examples, plain, sft.start(model, plain), seed=0)
    return model, examples, chat, found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--teacher")
    parser.add_argument("--data", type=Path, help="JSON lines with `prompt` and `reply`")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=DTYPES, default=fastest())
    parser.add_argument("--examples", type=int, default=32, help="examples a step")
    parser.add_argument("--micro", type=int, default=16_384, help="tokens in a micro-batch")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--lora", type=int, default=0, help="rank of adapters; 0 trains all weights")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the timed ones")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def summary(records: list[dict[str, float]], cpu: list[float], tokens: float, flops: list[float]) -> dict[str, Any]:
    """Medians over the timed steps, of which `cpu` are the processor's seconds; examples have `tokens` on average."""
    seconds = [r["seconds/step"] for r in records]

    def median(name: str, per: list[float] = seconds, factor: float = 1.0) -> float:
        return statistics.median(factor * r[name] / p for r, p in zip(records, per, strict=True))

    return {
        "tokens_per_reply": sum(r["trained_tokens"] for r in records) / sum(r["examples"] for r in records),
        "tokens_per_example": tokens,
        "tokens_per_second": median("trained_tokens"),
        "read_per_second": median("examples", factor=tokens),
        "tokens_per_cpu_second": median("trained_tokens", cpu),
        "computed_per_second": median("computed_tokens"),
        "seconds_per_step": statistics.median(seconds),
        "seconds": [round(second, 2) for second in seconds],
        "gflops": statistics.median(f / s / 1e9 for f, s in zip(flops, seconds, strict=True)),
    }


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    keep_memory()
    model, examples, chat, steps = begin(args, args.warm_up + args.steps + args.profile)
    used, records = [time.process_time()], []
    for _, record in zip(range(args.warm_up + args.steps), steps, strict=False):
        records.append(record)
        used.append(time.process_time())
    seen = records[args.warm_up :]
    cpu = [end - begin for begin, end in zip(used, used[1:], strict=False)][args.warm_up :]
    replies = sft.tokenize(examples, chat, sft.Sft())
    tokens = sum(len(r.prompt_ids) + len(r.token_ids) for r in replies) / len(replies)
    flops = [training_flops(model, int(r["computed_tokens"]), int(r["trained_tokens"])) for r in seen]
    report = {
        name: getattr(args, name) for name in ("model", "teacher", "threads", "dtype", "examples", "micro", "lora")
    }
    report |= {"steps": len(seen)} | summary(seen, cpu, tokens, flops) | {"peak_rss_gib": peak_rss_gib()}
    report["peak_gflops"] = matrix_peak(DTYPES[args.dtype]) / 1e9
    report["peak_share"] = report["gflops"] / report["peak_gflops"]
    if args.profile:
        profiled(lambda: next(steps))
    if args.json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name:<22} {value:.4g}" if isinstance(value, float) else f"{name:<22} {value}")


if __name__ == "__main__":
    main()
