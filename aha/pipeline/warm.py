"""Compile the loops for a model before a run, in a process of its own: `python -m aha.pipeline.warm FOLDER bf16`.

A loop that was compiled in this process may round its last bit differently from the same loop loaded from the cache.
A run that always loads them ends with the same weights whether it is the first on a machine or continues another.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from aha.chat import Chat, render
from aha.models.decode import FEW
from aha.models.folder import load_model
from aha.rollout.engine import TorchEngine
from aha.train import grpo
from aha.train.batch import collate
from aha.train.settings import Grpo
from aha.types import Sampling


def warm(folder: Path, dtype: str) -> None:
    """Sample and learn a little from this model in another process. What fails there will fail, and be told, here."""
    subprocess.run(
        [sys.executable, "-m", __name__, str(folder), dtype], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def main(folder: Path, dtype: torch.dtype) -> None:
    """Take every path once: many rows and few, forward and backward."""
    torch.set_num_threads(1)
    model, chat = load_model(folder, dtype), Chat.load(folder)
    prompts = [render("Using the numbers 44, 19, 35, make 98."), render("Make 7 from 3 and 4.")]
    groups = TorchEngine(model, chat).generate(prompts, Sampling(n=FEW // 2 + 1, max_tokens=3))
    TorchEngine(model, chat).generate(prompts, Sampling(n=2, max_tokens=3))
    replies = [reply for group in groups for reply in group]
    settings = Grpo()
    batch = collate(
        replies, torch.ones(len(replies)), grpo.weighting(settings), torch.ones(len(replies), dtype=torch.bool)
    )
    grpo.backward(model, batch, settings, None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), {"bf16": torch.bfloat16, "fp32": torch.float32}[sys.argv[2]])
