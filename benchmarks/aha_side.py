"""What one GRPO step costs in aha on this machine's processor; the counterpart of `trl_side`, with the same report.

    python -m benchmarks.aha_side MODEL --dtype bf16 --threads 2 --steps 3 --json [--profile]

The reward is that of `trl_side`, and as there the learning rate is too small to change anything, so every step samples
from the same model. `train_per_second` counts prompt and reply tokens of every reply, as there, though a prompt is computed
once for its group; `computed_per_second` counts what is computed. `peak_share` is the share of the measured matrix peak
that training reaches: the arithmetic of the matrix products it does over its time. `--profile` prints the 15 operations
that one more step spends most of its time in, with one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from aha.chat import Chat
from aha.models.allocator import keep_memory
from aha.models.folder import load_model
from aha.models.precision import DTYPES, fastest
from aha.models.transformer import Transformer
from aha.rewards.rubric import Rubric, each
from aha.rollout.engine import TorchEngine
from aha.tasks.base import Task
from aha.train import grpo
from aha.train.settings import Grpo
from aha.types import Completion, Problem
from benchmarks.profiled import profiled
from benchmarks.trl_side import countdown_prompts, peak_rss_gib


@each
def even_sum(problem: Problem, completion: Completion) -> float:
    """The reward of `trl_side`."""
    return float(sum(completion.token_ids) % 2 == 0)


def matrix_peak(dtype: torch.dtype, seconds: float = 0.5) -> float:
    """Floating-point operations a second of one large matrix product."""
    a, b = (torch.randn(4096, 1024).to(dtype) for _ in range(2))
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        a @ b.mT
        done += 1
    return done * 2 * 4096 * 4096 * 1024 / (time.perf_counter() - began)


def training_flops(model: Transformer, positions: int, predicted: int) -> float:
    """Arithmetic of a forward and backward pass: blocks at every position, the vocabulary where a token is predicted."""
    head = model.head_weight_VE.numel()
    blocks = sum(p.numel() for p in model.blocks.parameters() if p.dim() == 2)
    return 6.0 * (blocks * positions + head * predicted)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run `options.warm_up` steps and `options.steps` timed ones."""
    dtype = DTYPES[options.dtype]
    model, chat = load_model(options.model, dtype), Chat.load(options.model)
    prompts = (
        [json.loads(line)["prompt"] for line in options.prompts.read_text().splitlines() if line.strip()]
        if options.prompts
        else countdown_prompts(options.problems)
    )
    task = Task(
        "benchmark",
        lambda count, seed: [Problem(prompts[i % len(prompts)]) for i in range(count)],
        [],
        Rubric((1.0, even_sum)),
        lambda problem, reply: reply.text,
    )
    settings = Grpo(
        problems=options.problems, group=options.replies, max_tokens=options.max_tokens, lr=1e-12, clip_high=0.2,
        micro_tokens=options.micro,
    )  # fmt: skip
    state = grpo.start(model, settings)
    engine = TorchEngine(model, chat)
    laps, clock = [], time.perf_counter()
    for rollout, record in grpo.train(model, engine, task, settings, state, options.steps + options.warm_up, seed=0):
        now = time.perf_counter()
        prompt_tokens = sum(len(c.prompt_ids) for group in rollout.groups for c in group)
        laps.append({"step": now - clock, "prompt_tokens": prompt_tokens} | record)
        clock = now
    peak = peak_rss_gib()
    report = summarise(laps[options.warm_up :], model, options.dtype, matrix_peak(dtype))
    if options.profile:
        profiled(lambda: list(grpo.train(model, engine, task, settings, state, state.step + 1, seed=0)))
    return {"dtype": options.dtype, "micro": options.micro} | report | {"peak_rss_gib": peak}


def summarise(laps: list[dict[str, Any]], model: Transformer, dtype: str, peak: float) -> dict[str, Any]:
    """The timed steps together, under the names of `trl_side`."""
    total = {
        name: sum(lap[name] for lap in laps)
        for name in (
            "step", "seconds/sample", "seconds/train", "sampled_tokens", "prompt_tokens", "trained_tokens",
            "computed_tokens",
        )
    }  # fmt: skip
    positions = total["prompt_tokens"] + total["sampled_tokens"]
    flops = training_flops(model, int(total["computed_tokens"]), int(total["trained_tokens"]))
    return {
        "seconds": [round(lap["step"], 2) for lap in laps],
        "seconds_per_step": round(statistics.mean(lap["step"] for lap in laps), 2),
        "prompt_tokens": total["prompt_tokens"],
        "sampled_tokens": int(total["sampled_tokens"]),
        "sample_per_second": round(total["sampled_tokens"] / total["seconds/sample"]),
        "train_per_second": round(positions / total["seconds/train"]),
        "computed_per_second": round(total["computed_tokens"] / total["seconds/train"]),
        "sample_share": round(total["seconds/sample"] / total["step"], 3),
        f"{dtype}_peak_gflops": round(peak / 1e9),
        "peak_share": round(flops / total["seconds/train"] / peak, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default=fastest())
    parser.add_argument("--micro", type=int, default=16_384, help="padded tokens in a micro-batch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=1, help="steps before those")
    parser.add_argument("--problems", type=int, default=32)
    parser.add_argument("--replies", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--prompts", type=Path, help="JSON lines with a `prompt`")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_memory()
    report = measure(options)
    print(json.dumps(report) if options.json else "\n".join(f"{name:<20} {value}" for name, value in report.items()))


if __name__ == "__main__":
    main()
