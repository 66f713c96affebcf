"""What `aha.models.memory` says that training takes, beside what it took.

    python -m benchmarks.memory_estimates [tiny smollm2] [--dtype bf16 fp32] [--tokens 1024 4096] [--lora 0] [--recompute]

Each line is a process of its own with two steps of fine-tuning, or one of GRPO, on random tokens, two micro-batches a
thread and step. Measured is the largest resident size (ru_maxrss), the program itself included.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from dataclasses import replace

import torch

from aha.chat import Chat
from aha.models import memory
from aha.models.allocator import keep_memory
from aha.models.folder import load_model, read_config, resolve
from aha.models.precision import DTYPES
from aha.rewards.rubric import Rubric, each
from aha.rollout.engine import TorchEngine
from aha.tasks.base import Task
from aha.train import grpo, sft
from aha.train.settings import Grpo
from aha.types import Completion, Problem

PROMPT, REPLY = 64, 192
"""Tokens of a prompt and of a reply."""
GROUP = 8


@each
def even(problem: Problem, completion: Completion) -> float:
    """Anything that differs among replies."""
    return float(sum(completion.token_ids) % 2)


def fine_tune(model, settings: sft.Sft, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    """Two steps on as many replies as fill two micro-batches a thread."""
    count, V = 2 * settings.micro_tokens // (PROMPT + REPLY), model.config.vocab_size
    state = sft.start(model, settings)
    state.planned = 2
    for _ in range(2):
        ids = [[[rng.randrange(3, V) for _ in range(n)] for n in (PROMPT, REPLY)] for _ in range(count)]
        batch = sft.batch_of([Completion("", prompt, reply, [0.0] * REPLY) for prompt, reply in ids])
        sums = sft.gradients(model, batch, settings, state)
        sft.descend(settings, state, True)
        state.step += 1
        assert sums["trained_tokens"] == count * REPLY


class Lengthy(TorchEngine):
    """Samples as it should, and returns replies that all have the full length."""

    def generate(self, prompts, sampling, done=None):  # type: ignore[no-untyped-def]
        rng, groups = random.Random(sampling.seed), super().generate(prompts, sampling)
        for index, group in enumerate(groups):
            drawn = [
                [rng.randrange(3, self.model.config.vocab_size) for _ in range(sampling.max_tokens)] for _ in group
            ]
            groups[index] = [
                replace(c, token_ids=ids, logprobs=[0.0] * len(ids)) for c, ids in zip(group, drawn, strict=True)
            ]
            if done:
                done(index, groups[index])
        return groups


def reinforce(model, chat: Chat, settings: Grpo, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    """A step of GRPO, after another that leaves gradients behind."""
    words = [f"{rng.randrange(10**12)}" for _ in range(64)]
    problems = [Problem(" ".join(rng.choices(words, k=6))) for _ in range(settings.problems)]
    task = Task("benchmark", lambda count, seed: problems[:count], [], Rubric((1.0, even)), lambda p, reply: reply.text)
    state = grpo.start(model, settings)
    for _ in grpo.train(model, Lengthy(model, chat), task, settings, state, 2, seed=0):
        pass


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Bytes taken, and bytes before there was a model."""
    keep_memory()
    torch.set_num_threads(args.threads)
    folder, rng = resolve(args.model[0]), random.Random(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    began = time.perf_counter()
    model, tokens = load_model(folder, DTYPES[args.dtype[0]]), args.tokens[0]
    model.recompute = args.recompute
    if args.one == "sft":
        fine_tune(model, sft.Sft(micro_tokens=tokens, lora=args.lora), rng)
    else:
        reinforce(model, Chat.load(folder), grpo_settings(args, tokens), rng)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return {"peak": peak, "before": before, "seconds": time.perf_counter() - began}


def grpo_settings(args: argparse.Namespace, tokens: int) -> Grpo:
    """As many groups as fill two micro-batches."""
    problems = max(args.threads, -(-2 * tokens // (GROUP * REPLY)))
    return Grpo(problems=problems, group=GROUP, max_tokens=REPLY, micro_tokens=tokens, lora=args.lora, lr=1e-9)


def estimated(args: argparse.Namespace, kind: str, model: str, dtype: torch.dtype, tokens: int) -> int:
    """What memory.py says, with the program."""
    config = read_config(resolve(model))
    if kind == "sft":
        held = memory.parts(config, tokens, dtype, args.lora, args.recompute, threads=args.threads)
        return memory.PROGRAM + held.total
    s = grpo_settings(args, tokens)
    return memory.PROGRAM + memory.reinforcing(
        config, tokens, s.problems * GROUP, PROMPT + REPLY, dtype, args.lora, args.recompute, threads=args.threads
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="*", default=["tiny", "smollm2"])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--tokens", nargs="+", type=int, default=[1024, 4096])
    parser.add_argument("--lora", type=int, default=0)
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kind", nargs="+", choices=("sft", "grpo"), default=["sft", "grpo"])
    parser.add_argument("--one", choices=("sft", "grpo"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args)))
        return
    print(
        f"{'':5} {'model':8} {'dtype':5} {'tokens':>7} {'estimated':>10} {'measured':>10} {'ratio':>6}  MiB; program, s"
    )
    for model in args.model:
        for kind in args.kind:
            for dtype in args.dtype:
                for tokens in args.tokens:
                    _line(args, kind, model, dtype, tokens)


def _line(args: argparse.Namespace, kind: str, model: str, dtype: str, tokens: int) -> None:
    """Measure in a process of its own, and print."""
    command = [sys.executable, "-m", "benchmarks.memory_estimates", model, "--one", kind, "--dtype", dtype]
    command += ["--tokens", str(tokens), "--lora", str(args.lora), "--threads", str(args.threads)]
    done = subprocess.run(command + ["--recompute"] * args.recompute, check=True, stdout=subprocess.PIPE, text=True)
    found, said = json.loads(done.stdout), estimated(args, kind, model, DTYPES[dtype], tokens)
    print(
        f"{kind:5} {model:8} {dtype:5} {tokens:7} {said / 2**20:10,.0f} {found['peak'] / 2**20:10,.0f} "
        f"{said / found['peak']:6.2f}  {found['before'] / 2**20:.0f}, {found['seconds']:.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
