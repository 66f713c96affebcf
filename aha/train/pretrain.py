"""Pre-train the embedded base on the embedded world's text.

Matrices inside the blocks are trained by Muon (kellerjordan.github.io/posts/muon), the rest by AdamW; warm-up, then
constant, then linear decay to zero. Short rows come first, long ones last: attention over long rows costs more, and
the long searches need it only to find their way around late positions.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from aha.chat import Chat
from aha.config import Settings
from aha.models.folder import save_model
from aha.models.tokenizer import train_tokenizer
from aha.models.transformer import ModelConfig, Transformer
from aha.models.world.corpus import Reading, stream, text
from aha.train.optim import MasterWeights, set_lr, split_for_muon

VOCAB = 2048
TINY = ModelConfig(
    vocab_size=VOCAB, hidden_size=192, intermediate_size=576, num_hidden_layers=4, num_attention_heads=3,
    num_key_value_heads=1, head_dim=64,
)  # fmt: skip
"""The embedded base's sizes. One key/value head keeps decoding cheap on a CPU; 64 is a size its products like."""


class Pretrain(Settings):
    """How the base is made."""

    tokens: int = 50_000_000
    """How many tokens are read, all in all."""
    batch_tokens: int = 16_384
    """Tokens an optimizer step."""
    lr: float = 0.02
    """Peak learning rate of Muon; AdamW's is a sixth of it."""
    think: float = 0.35
    """Share of Countdown replies that search, in the first part of the text."""
    think_late: float = 0.12
    """The same share in the last part: what the base will do."""
    late: float = 0.25
    """How much of the text is the last part, with long rows."""
    seed: int = 1
    """Seed of the text and of the first weights."""


def readings(settings: Pretrain) -> list[Reading]:
    """Short rows with many searches, then long rows with few."""
    steps = settings.tokens // settings.batch_tokens
    late = int(steps * settings.late)
    return [
        Reading(steps - late, settings.batch_tokens // 192, 192, settings.think),
        Reading(late, settings.batch_tokens // 512, 512, settings.think_late),
    ]


def schedule(step: int, steps: int) -> float:
    """Learning rate over its peak: 50 steps up, constant, then down to zero over the last two fifths."""
    return min((step + 1) / 50, 1.0, (steps - step) / (0.4 * steps))


def pretrain(model: Transformer, chat: Chat, settings: Pretrain, report: Callable[[dict[str, float]], None]) -> None:
    """Train `model` in place; `report` gets the loss and speed every 20 steps."""
    masters = MasterWeights(model)
    inner, outer = split_for_muon(masters)
    optimizers = [
        torch.optim.Muon(inner, lr=settings.lr, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(outer, lr=settings.lr / 6, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]
    plan = readings(settings)
    steps, began, seen = sum(reading.batches for reading in plan), time.perf_counter(), 0
    for step, batch in enumerate(stream(chat, plan, settings.seed)):
        set_lr(optimizers, schedule(step, steps))
        ids_BT = torch.from_numpy(batch.astype("int64"))
        loss = next_token_loss(model, ids_BT)
        masters.collect()
        masters.clip(1.0)
        for optimizer in optimizers:
            optimizer.step()
        masters.publish()
        seen += batch.size
        if step % 20 == 0 or step == steps - 1:
            seconds = time.perf_counter() - began
            report({"step": step, "steps": steps, "loss": loss, "tokens": seen, "per_second": seen / seconds})


def next_token_loss(model: Transformer, ids_BT: Tensor, chunk: int = 1024) -> float:
    """Mean cross-entropy of every next token, with its gradient left in the model.

    Logits exist for `chunk` positions at a time: the gradient of the states is collected chunk by chunk and sent
    through the blocks once.
    """
    hidden_NE = model.hidden(ids_BT[:, :-1].contiguous()).flatten(0, 1)
    targets_N = ids_BT[:, 1:].flatten()
    states_NE = hidden_NE.detach().requires_grad_()
    total = 0.0
    for states, targets in zip(states_NE.split(chunk), targets_N.split(chunk), strict=True):
        loss = F.cross_entropy(model.logits(states).float(), targets, reduction="sum") / len(targets_N)
        loss.backward()
        total += loss.item()
    hidden_NE.backward(states_NE.grad)
    return total


def make_base(settings: Pretrain, out: Path, say: Callable[[str], None]) -> None:
    """Train the tokenizer and a fresh model, and write the model folder."""
    chat = Chat(train_tokenizer(sample_texts(settings.seed), VOCAB))
    torch.manual_seed(settings.seed)
    model = Transformer(replace(TINY, eos_token_id=chat.end_id, pad_token_id=chat.pad_id)).bfloat16()
    say(
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M weights, {settings.tokens / 1e6:.0f} M tokens to read"
    )
    pretrain(
        model,
        chat,
        settings,
        lambda r: say(f"{r['step']:>5}/{r['steps']}  loss {r['loss']:.4f}  {r['per_second']:.0f} tokens a second"),
    )
    save_model(model, chat, out)
    say(f"wrote {out}")


def sample_texts(seed: int, count: int = 20_000) -> Iterator[str]:
    """Texts to learn the tokenizer's merges from."""
    rng = random.Random(seed - 1)
    return (text(rng, 0.3) for _ in range(count))
