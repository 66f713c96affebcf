"""What a run will cost, estimated before it starts: tokens, memory, time."""

from __future__ import annotations

import time

import torch

from aha.chat import Chat, render
from aha.models.folder import load_model, resolve
from aha.pipeline.recipe import Zero
from aha.pipeline.training import DTYPES
from aha.rollout.engine import TorchEngine
from aha.types import Sampling


def estimate(settings: Zero) -> list[str]:
    """Sentences on size, tokens, memory and time. Speed is measured here and now, on a few random replies."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder = resolve(settings.base)
    model, chat = load_model(folder, DTYPES[settings.dtype]), Chat.load(folder)
    weights = sum(p.numel() for p in model.parameters())
    g, e = settings.grpo, settings.evaluate
    prompt = len(chat.encode(render("Using the numbers 44, 19, 35, make 98.")))
    most = settings.steps * g.problems * g.group * g.max_tokens
    asked = 2 * e.final_questions * e.final_samples + settings.steps // e.every * e.questions * e.samples
    engine = TorchEngine(model, chat)
    rows = min(engine.slots_for(prompt + g.max_tokens), g.problems * g.group)
    c = model.config
    cache = (
        2 * c.num_hidden_layers * c.num_key_value_heads * c.head_dim * (prompt + g.max_tokens) * model.dtype.itemsize
    )
    began = time.perf_counter()
    engine.generate([render("Using the numbers 44, 19, 35, make 98.")], Sampling(n=min(256, rows), max_tokens=64))
    speed = engine.ledger.tokens / (time.perf_counter() - began)
    # Training reads each token three times as dearly as sampling computes it, in large products: about the same time.
    seconds = (2 * most + asked * g.max_tokens) / speed
    states = 16 * weights + g.micro_tokens * c.num_hidden_layers * (8 * c.hidden_size + 4 * c.intermediate_size) * 2
    return [
        f"model: {weights / 1e6:.1f} M weights from {folder}",
        f"tokens: at most {most / 1e6:.1f} M sampled to learn from and {asked * g.max_tokens / 1e6:.1f} M to measure",
        f"memory: about {(rows * cache + states) / 2**20:.0f} MB for {rows} rows of keys and values, weights and gradients",
        f"time: at most about {seconds / 60:.0f} minutes at {speed:.0f} tokens a second; replies that end early take less",
    ]
