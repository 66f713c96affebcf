"""What a step of supervised fine-tuning costs in TRL 1.16 on this machine's processor, at what TRL runs fastest with.

    python -m benchmarks.trl_sft_side MODEL --data FILE --examples 32 --dtype bf16 --threads 2 --steps 2 --json

FILE holds JSON lines with `prompt_ids` and `reply_ids`, of which every step reads the first --examples; the counterpart of
`sft_speed --data`. Only replies are learnt, and no activations are checkpointed. Every --batch
is tried for its first step, in a process of its own, and the fastest is measured: how weights are held ("weights" in the
dtype, "autocast" in fp32), how examples are laid out, and how many a micro-batch holds.

    sorted        rows of similar length, padded to the longest
    padding-free  one row of all the micro-batch's examples
    packed        rows of at most --packed tokens, as many as the examples need, so many to a micro-batch

`read_per_second` counts prompt and reply tokens of every example, padding not, over the whole step.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.trl_side import peak_rss_gib, trainer_options

LAYOUTS = ("sorted/4", "sorted/8", "padding-free/4", "packed/1")


def tokenized(file: Path, count: int) -> list[dict[str, list[int]]]:
    """The first examples of a file as TRL takes them, longest first."""
    lines = [json.loads(line) for line in file.read_text().splitlines() if line.strip()][:count]
    rows = [
        {
            "input_ids": [*line["prompt_ids"], *line["reply_ids"]],
            "completion_mask": [0] * len(line["prompt_ids"]) + [1] * len(line["reply_ids"]),
        }
        for line in lines
    ]
    return sorted(rows, key=lambda row: -len(row["input_ids"]))


def sft_options(dtype: str, batch: str, examples: int, packed: int, steps: int) -> dict[str, Any]:
    """SFTConfig's arguments for steps that read all examples, once each."""
    mode, layout, micro = batch.split("/")
    return trainer_options(dtype, mode, int(micro), steps) | {
        # Packing leaves fewer rows than examples: an epoch that ends early is a step all the same.
        "gradient_accumulation_steps": examples if layout == "packed" else -(-examples // int(micro)),
        "completion_only_loss": True,
        "packing": layout == "packed",
        "padding_free": layout == "padding-free",
        "max_length": packed if layout == "packed" else None,
        "train_sampling_strategy": "sequential",
        "learning_rate": 1e-12,
    }


def measure(options: argparse.Namespace, batch: str) -> dict[str, Any]:
    """Run the warm-up and the timed steps in this process."""
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    rows = tokenized(options.data, options.examples)
    times = [0.0]

    class Laps(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            times[0] = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(sys.stderr):
        steps = options.steps + options.warm_up
        config = SFTConfig(output_dir=out, **sft_options(options.dtype, batch, len(rows), options.packed, steps))
        trainer = SFTTrainer(
            str(options.model), config, train_dataset=Dataset.from_list(rows), callbacks=[Laps()],
            processing_class=PreTrainedTokenizerFast.from_pretrained(options.model),
        )  # fmt: skip
        trainer.train()
    seconds = [end - start for start, end in zip(times, times[1:], strict=False)][options.warm_up :]
    tokens = sum(len(row["input_ids"]) for row in rows)
    return {
        "dtype": options.dtype, "batch": batch, "examples": len(rows), "tokens_per_example": tokens / len(rows),
        "seconds": [round(second, 2) for second in seconds], "seconds_per_step": statistics.median(seconds),
        "read_per_second": tokens / statistics.median(seconds), "peak_rss_gib": peak_rss_gib(),
    }  # fmt: skip


def fastest(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of the first step of every layout, each in a process of its own, the fastest first."""
    trials = {}
    for batch in options.batch:
        words = ["--batch", batch, "--steps", "1", "--warm-up", "0", "--json"]
        for name in ("data", "dtype", "threads", "examples", "packed"):
            words += [f"--{name}", str(getattr(options, name))]
        command = [sys.executable, "-m", "benchmarks.trl_sft_side", str(options.model), *words]
        report = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        trials[batch] = round(json.loads(report.splitlines()[-1])["seconds_per_step"], 2)
        print(f"trl {options.dtype} {batch}: {trials[batch]} s", file=sys.stderr)
    return dict(sorted(trials.items(), key=lambda trial: trial[1]))


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="JSON lines with `prompt_ids` and `reply_ids`")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--batch", nargs="+", help="MODE/LAYOUT/COUNT; default: the useful ones")
    parser.add_argument("--packed", type=int, default=1024, help="tokens of a packed row")
    parser.add_argument("--examples", type=int, default=32, help="examples a step")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one line of JSON and nothing else")
    options = parser.parse_args(words)
    modes = ["weights"] if options.dtype == "fp32" else ["weights", "autocast"]
    options.batch = options.batch or [f"{mode}/{layout}" for mode in modes for layout in LAYOUTS]
    return options


def main(words: Sequence[str] | None = None) -> None:
    options = parse(words)
    os.environ |= {"OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    tried = fastest(options) if len(options.batch) > 1 else {}

    import torch

    torch.set_num_threads(options.threads)
    report = measure(options, next(iter(tried), options.batch[0])) | ({"tried": tried} if tried else {})
    print(json.dumps(report) if options.json else "\n".join(f"{name:18} {value}" for name, value in report.items()))


if __name__ == "__main__":
    main()
