"""How fast replies are learnt on this machine's processor: plain fine-tuning, or with a teacher logit distillation.

    python -m benchmarks.sft_speed [tiny | MODEL] [--teacher MODEL] [--threads 1] [--dtype bf16] [--steps 20] [--json]

Examples are searches for Countdown as the embedded world writes them. `tokens_per_second` counts reply tokens,
`computed_per_second` also prompts, each counted once, and padding. The first steps warm up and are left out, and the
median step is reported. `tokens_per_cpu_second` goes by the processor's time of all threads, which a busy machine changes
less than the clock's.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time

import torch

from aha.chat import END, Chat
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.world.countdown_text import countdown_text
from aha.train import distill, sft
from aha.types import Example

WARM_UP = 3
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def searches(count: int) -> list[Example]:
    """Questions and replies that think."""
    rng, found = random.Random(0), []
    for _ in range(count):
        prompt, mark, reply = countdown_text(rng, think=1.0).partition("Assistant:")
        found.append(Example(prompt + mark, reply.partition(END)[0]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--teacher")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--examples", type=int, default=32, help="examples a step")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_memory()
    model, chat = load_model(resolve(args.model), DTYPES[args.dtype]), Chat.load(resolve(args.model))
    examples = searches(args.examples * (args.steps + WARM_UP))
    if args.teacher:
        settings = distill.Distill(epochs=1, examples=args.examples)
        teacher, teacher_chat = load_model(resolve(args.teacher), DTYPES[args.dtype]), Chat.load(resolve(args.teacher))
        state = distill.start(model, settings)
        steps = distill.train(model, chat, teacher, teacher_chat, examples, settings, state, seed=0)
    else:
        plain = sft.Sft(epochs=1, examples=args.examples)
        steps = sft.train(model, chat, examples, plain, sft.start(model, plain), seed=0)
    used, records = [time.process_time()], []
    for record in steps:
        records.append(record)
        used.append(time.process_time())
    seen = records[WARM_UP:]
    cpu = [end - begin for begin, end in zip(used, used[1:], strict=False)][WARM_UP:]
    report = {
        "model": args.model, "teacher": args.teacher, "threads": args.threads, "dtype": args.dtype, "steps": len(seen),
        "tokens_per_reply": sum(r["trained_tokens"] for r in seen) / sum(r["examples"] for r in seen),
        "tokens_per_second": statistics.median(r["trained_per_second"] for r in seen),
        "tokens_per_cpu_second": statistics.median(r["trained_tokens"] / c for r, c in zip(seen, cpu, strict=True)),
        "computed_per_second": statistics.median(r["computed_tokens"] / r["seconds/step"] for r in seen),
        "seconds_per_step": statistics.median(r["seconds/step"] for r in seen),
    }  # fmt: skip
    if args.json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name:<22} {value:.4g}" if isinstance(value, float) else f"{name:<22} {value}")


if __name__ == "__main__":
    main()
