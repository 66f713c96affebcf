"""What one GRPO step costs in TRL 1.16 on this machine's processor, at the settings TRL runs fastest with.

    python -m benchmarks.trl_side MODEL --dtype bf16 --threads 2 --steps 3 --json

MODEL is a Hugging Face folder whose `tokenizer_config.json` names the tokens that end and pad. A step samples 32 x 16
replies of at most 256 tokens, to the same prompts every step, at temperature 1 and updates the weights once: no KL term,
no checkpointing of activations, one warm-up step that is not timed. Several --micro or --mode are tried for their first
step each, in a process of their own, and the fastest is measured. Peak memory is that of the whole process. Left out:
vLLM, which has its own numbers, and learning: at TRL's default rate a few steps change nothing.

    seconds           of each timed step, end to end: data, sampling, reward, old log-probabilities, update
    prompt_tokens     in the timed steps' prompts, once for each of their replies, padding not
    sampled_tokens    in the timed steps' replies, end token included, padding not
    sample_per_second sampled tokens over the time spent in generate()
    train_per_second  prompt and reply tokens, padding not counted, over the time outside sampling and scoring
    tried             seconds of the first step of all that was tried
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RewardFunction = Callable[..., list[float | None]]
"""TRL's shape: (prompts, completions, completion_ids, **columns) -> one number a completion."""


def even_sum(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
    """A reward that costs nothing and differs within nearly every group, so that no gradient is zero."""
    return [float(sum(ids) % 2 == 0) for ids in completion_ids]


def countdown_prompts(count: int, seed: int = 0) -> list[str]:
    """Questions of the length of the embedded world's, for want of a file."""
    rng = random.Random(seed)
    draw = [[rng.randint(1, 99) for _ in range(5)] for _ in range(count)]
    return [f"Using the numbers {a}, {b}, {c} and {d}, make {target}." for a, b, c, d, target in draw]


def measure(
    model: Path,
    prompts: Sequence[str],
    reward: RewardFunction = even_sum,
    *,
    dtype: str = "fp32",
    mode: str = "weights",
    micro: int = 32,
    steps: int = 3,
    problems: int = 32,
    replies: int = 16,
    max_tokens: int = 256,
    warm_up: int = 1,
) -> dict[str, Any]:
    """Run `warm_up` steps and `steps` timed ones in this process; the report described above.

    mode "weights" loads the weights in `dtype`; "autocast" keeps them in fp32 and computes in `dtype`.
    """
    from datasets import Dataset

    rows = [{"prompt": prompts[i % len(prompts)]} for i in range(problems)] * (steps + warm_up)
    with tempfile.TemporaryDirectory() as out:
        options = grpo_options(dtype, mode, micro, steps + warm_up, problems * replies, replies, max_tokens)
        trainer = stopwatch_trainer(model, reward, options | {"output_dir": out}, Dataset.from_list(rows))
        with contextlib.redirect_stdout(sys.stderr):  # the trainer prints its metrics
            trainer.train()
    report = summarise(trainer.laps[warm_up:])
    return {"dtype": dtype, "mode": mode, "micro": micro} | report | {"peak_rss_gib": peak_rss_gib()}


def peak_rss_gib() -> float:
    """Most memory this process has held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def grpo_options(
    dtype: str, mode: str, micro: int, steps: int, batch: int, replies: int, max_tokens: int
) -> dict[str, Any]:
    """GRPOConfig's arguments: TRL's defaults but for what the comparison fixes and what is fastest on a processor."""
    if batch % micro:
        raise ValueError(f"a micro-batch of {micro} does not divide the batch of {batch} replies")
    return trainer_options(dtype, mode, micro, steps) | {
        "gradient_accumulation_steps": batch // micro,
        "num_generations": replies,
        "max_completion_length": max_tokens,
        "temperature": 1.0,
        "beta": 0.0,
        "shuffle_dataset": False,
    }


def trainer_options(dtype: str, mode: str, micro: int, steps: int) -> dict[str, Any]:
    """What GRPOConfig and SFTConfig are both given: `steps` steps on a processor that save and tell nothing."""
    weights = "bfloat16" if (dtype, mode) == ("bf16", "weights") else "float32"
    return {
        "use_cpu": True,
        "bf16": (dtype, mode) == ("bf16", "autocast"),
        "model_init_kwargs": {"dtype": weights},
        "gradient_checkpointing": False,
        "per_device_train_batch_size": micro,
        "max_steps": steps,
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "seed": 0,
    }


def stopwatch_trainer(model: Path, reward: RewardFunction, options: dict[str, Any], dataset: Any) -> Any:
    """A GRPOTrainer whose `laps` hold the times and token counts of each step."""
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    class Stopwatch(GRPOTrainer):
        laps: list[dict[str, float]]

        def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = super()._generate_single_turn(*args, **kwargs)
            self.lap["sample"] = time.perf_counter() - start
            return result

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            self.lap: dict[str, float] = {}
            start = time.perf_counter()
            batch = super()._generate_and_score_completions(inputs)
            self.lap["sample_and_score"] = time.perf_counter() - start
            self.lap["reply_tokens"] = int(batch["completion_mask"].sum())
            self.lap["prompt_tokens"] = int(batch["prompt_mask"].sum())
            return batch

    class Laps(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.last = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            now = time.perf_counter()
            trainer.laps.append(trainer.lap | {"step": now - self.last})
            self.last = now

    tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
    trainer = Stopwatch(
        str(model), reward, GRPOConfig(**options), dataset, processing_class=tokenizer, callbacks=[Laps()]
    )
    trainer.laps = []
    return trainer


def summarise(laps: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The timed steps together."""
    total = {name: sum(lap[name] for lap in laps) for name in laps[0]}
    trained = total["reply_tokens"] + total["prompt_tokens"]
    return {
        "seconds": [round(lap["step"], 2) for lap in laps],
        "seconds_per_step": round(statistics.mean(lap["step"] for lap in laps), 2),
        "prompt_tokens": total["prompt_tokens"],
        "sampled_tokens": total["reply_tokens"],
        "sample_per_second": round(total["reply_tokens"] / total["sample"]),
        "train_per_second": round(trained / (total["step"] - total["sample_and_score"])),
        "sample_share": round(total["sample"] / total["step"], 3),
    }


def fastest(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of the first step of every mode and micro-batch, each in a process of its own, the fastest first."""
    trials = {}
    for mode in options.mode:
        for micro in options.micro:
            words = ["--mode", mode, "--micro", str(micro), "--steps", "1", "--warm-up", "0", "--json"]
            for name in ("dtype", "threads", "problems", "replies", "max_tokens", "prompts"):
                if (value := getattr(options, name)) is not None:
                    words += [f"--{name.replace('_', '-')}", str(value)]
            command = [sys.executable, "-m", "benchmarks.trl_side", str(options.model), *words]
            report = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            trials[f"{mode} {micro}"] = json.loads(report.splitlines()[-1])["seconds_per_step"]
            print(f"trl {options.dtype} {mode} {micro}: {trials[f'{mode} {micro}']} s", file=sys.stderr)
    return dict(sorted(trials.items(), key=lambda trial: trial[1]))


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--mode", nargs="+", choices=["weights", "autocast"], help="default: both for bf16")
    parser.add_argument("--micro", nargs="+", type=int, default=[16, 32, 64], help="replies in a micro-batch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=1, help="steps before those")
    parser.add_argument("--problems", type=int, default=32)
    parser.add_argument("--replies", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--prompts", type=Path, help="JSON lines with a `prompt`; without, made-up Countdown questions")
    parser.add_argument("--json", action="store_true", help="print one line of JSON and nothing else")
    options = parser.parse_args(words)
    options.mode = options.mode or (["weights"] if options.dtype == "fp32" else ["weights", "autocast"])
    return options


def main(words: Sequence[str] | None = None) -> None:
    options = parse(words)
    os.environ |= {"OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    several = len(options.mode) * len(options.micro) > 1
    tried = fastest(options) if several else {f"{options.mode[0]} {options.micro[0]}": 0.0}
    mode, micro = next(iter(tried)).split()

    import torch

    torch.set_num_threads(options.threads)
    if options.prompts:
        prompts = [json.loads(line)["prompt"] for line in options.prompts.read_text().splitlines() if line.strip()]
    else:
        prompts = countdown_prompts(options.problems)
    shape = {name: getattr(options, name) for name in ("steps", "problems", "replies", "max_tokens", "warm_up")}
    report = measure(options.model, prompts, dtype=options.dtype, mode=mode, micro=int(micro), **shape)
    report |= {"threads": options.threads, "torch": torch.__version__} | ({"tried": tried} if several else {})
    print(json.dumps(report) if options.json else "\n".join(f"{name:18} {value}" for name, value in report.items()))


if __name__ == "__main__":
    main()
