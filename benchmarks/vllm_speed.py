"""How fast vLLM samples on this machine beside our own engine, and how far its log-probabilities are from the trainer's.

    python -m benchmarks.vllm_speed [tiny | MODEL] [--dtype bf16] [--tokens 256] [--repeats 3] [--threads 2] [--json]

512 replies at temperature 1: 16 to each of 32 puzzles, in one process, the engines in turn after a call of each that warms
up. Tokens a second count drawn tokens against the whole call; the processor's seconds are those of all threads and hold on
a busy machine too. The gap is |log-probability the engine told - that of the trainer's own forward pass|, over all tokens
of the last call: `aha.train.loss.importance_weight` is 1 where it is nought. `loading` is what new weights take.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from aha.chat import Chat
from aha.environment import cpu_model
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.models.transformer import Transformer
from aha.rollout.engine import TorchEngine
from aha.rollout.vllm_engine import VllmEngine
from aha.tasks.countdown import countdown
from aha.train.batch import collate, pack
from aha.train.grpo import reply_logp
from aha.train.loss import weigh_by_token
from aha.types import Completion, Sampling

PROMPTS, GROUP = 32, 16


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """What a call returns, and its seconds by the clock and of the processor."""
    clock, worked = time.perf_counter(), time.process_time()
    return call(), time.perf_counter() - clock, time.process_time() - worked


def gaps(model: Transformer, replies: list[Completion]) -> torch.Tensor:
    """How far the engine's log-probabilities are from those that training computes, for every token."""
    batch = collate(replies, torch.zeros(len(replies)), weigh_by_token, torch.ones(len(replies), dtype=torch.bool))
    with torch.no_grad():
        logp_N, _ = reply_logp(model, batch, pack(batch), 1.0)
    return (logp_N - batch.sampled_logp_BT[batch.mask_BT > 0]).abs()


def summarise(laps: list[dict[str, float]]) -> dict[str, list[float]]:
    """Median, least and most of each measure."""
    columns = {name: [lap[name] for lap in laps] for name in laps[0]}
    return {name: [statistics.median(column), min(column), max(column)] for name, column in columns.items()}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Both engines in turn."""
    folder, dtype = resolve(options.model), DTYPES[options.dtype]
    model, chat = load_model(folder, dtype), Chat.load(folder)
    problems = countdown(numbers=(3,), test_count=PROMPTS).test
    start = time.perf_counter()
    engines: dict[str, Any] = {"vllm": VllmEngine(folder, dtype, memory=1 << 30)}
    start = time.perf_counter() - start
    torch.set_num_threads(options.threads)
    engines["aha"] = TorchEngine(model, chat)
    laps: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    told: dict[str, dict[str, float]] = {}
    for repeat in range(options.repeats + 1):
        for name, engine in engines.items():
            sampling = Sampling(GROUP, options.tokens, seed=repeat)
            _, loading, _ = timed(lambda engine=engine: engine.load_weights(model.state_dict()))
            groups, clock, worked = timed(
                lambda engine=engine, sampling=sampling: engine.generate([p.prompt for p in problems], sampling)
            )
            replies = [reply for group in groups for reply in group]
            tokens = sum(len(reply.token_ids) for reply in replies)
            lap = {"tokens_per_second": tokens / clock, "tokens_per_cpu_second": tokens / worked, "loading": loading}
            laps[name] += [lap | {"reply_tokens": tokens / len(replies)}] if repeat else []
            gap_N = gaps(model, replies)
            told[name] = {"gap_mean": float(gap_N.mean()), "gap_max": float(gap_N.max())}
    return {
        "cpu": cpu_model(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "load": os.getloadavg()[0],
        "vllm_start": start, "engines": {name: summarise(laps[name]) | told[name] for name in engines},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--dtype", choices=DTYPES, default=fastest())
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    keep_memory()
    found = measure(options) | {"settings": vars(options)}
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['cpu']}, {found['cores']} cores, {found['threads']} threads, load {found['load']:.1f} at the end")
    print(
        f"{PROMPTS} x {GROUP} replies of {options.model} in {options.dtype}, {options.repeats} times; median (least to most)"
    )
    for name, measures in found["engines"].items():
        for what in ("tokens_per_second", "tokens_per_cpu_second", "reply_tokens", "loading"):
            print(
                f"{name:>5} {what:<22} {measures[what][0]:>10.4g} ({measures[what][1]:.4g} to {measures[what][2]:.4g})"
            )
        print(f"{name:>5} gap to the trainer     {measures['gap_mean']:>10.2g} (largest {measures['gap_max']:.2g})")
    print(f" vllm starts in {found['vllm_start']:.0f} s")


if __name__ == "__main__":
    main()
