"""Pre-train the embedded base on the embedded world's text.

Matrices inside the blocks are trained by Muon (kellerjordan.github.io/posts/muon), the rest by AdamW; warm-up, then
constant, then linear decay to zero. Short rows come first, long ones last: attention over long rows costs more, and
the long searches need it only to find their way around late positions.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from aha.chat import Chat
from aha.config import Settings
from aha.models.folder import load_model, resolve, save_model
from aha.models.tokenizer import train_tokenizer
from aha.models.transformer import ModelConfig, Transformer
from aha.models.world.corpus import Reading, stream, text
from aha.train.head import chunked_logp
from aha.train.optim import MasterWeights, gradients_side_by_side, set_lr, split_for_muon

VOCAB = 2048
TINY = ModelConfig(
    vocab_size=VOCAB, hidden_size=192, intermediate_size=576, num_hidden_layers=4, num_attention_heads=3,
    num_key_value_heads=1, head_dim=64,
)  # fmt: skip
"""The embedded base's sizes. One key/value head keeps decoding cheap on a CPU; 64 is a size its products like."""
MINI = replace(TINY, hidden_size=96, intermediate_size=224)
SHAPES = {
    "tiny": TINY,
    "mini-llama": MINI,
    "mini-qwen": replace(MINI, family="qwen3"),
    "half": replace(TINY, num_hidden_layers=2),
}
"""The embedded base, and students to distil it into. Students keep its heads, and so its decoding kernels: others would be
compiled once more, which takes longer than some runs."""
KEPT = (0, 3)
"""`half` is the embedded base without its middle layers, as small models are cut from larger ones (Minitron, 2407.14679);
it only reads the second pass, to heal."""


class Pretrain(Settings):
    """How a base is made."""

    shape: Literal["tiny", "mini-llama", "mini-qwen", "half"] = "tiny"
    """Sizes and family. Students read with the embedded base's tokenizer; `tiny` trains its own."""
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
    polish_tokens: int = 24_000_000
    """How many more are read in a second pass at a lower rate, where arithmetic and checks become reliable."""
    polish_lr: float = 0.01
    """Peak learning rate of Muon in the second pass."""
    polish_drill: float = 0.25
    """Share of the second pass's texts that practise arithmetic and checks."""
    polish_broad: float = 0.3
    """Share of the second pass's texts that are of many kinds."""
    polish_think: float = 0.5
    """What `think` is in the second pass."""
    polish_think_late: float = 0.08
    """What `think_late` is in the second pass: how often the base searches unasked."""
    seed: int = 1
    """Seed of the text and of the first weights."""


@dataclass(frozen=True)
class Pass:
    """One way through some text, with a learning rate that rises, stays and falls to zero."""

    readings: list[Reading]
    lr: float
    decay: float
    """Share of the pass over which the rate falls."""
    seed: int

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return sum(reading.batches for reading in self.readings)

    def rate(self, step: int) -> float:
        """Learning rate over its peak: 50 steps up, constant, then down to zero."""
        return min((step + 1) / 50, 1.0, (self.steps - step) / (self.decay * self.steps))


def first_pass(settings: Pretrain) -> Pass:
    """Short rows with many searches, then long rows with few."""
    steps = settings.tokens // settings.batch_tokens
    late = int(steps * settings.late)
    short = Reading(steps - late, settings.batch_tokens // 192, 192, settings.think)
    long = Reading(late, settings.batch_tokens // 512, 512, settings.think_late)
    return Pass([short, long], settings.lr, 0.4, settings.seed)


def second_pass(settings: Pretrain) -> Pass:
    """Long rows with drill: many searches, then few."""
    steps, rows = settings.polish_tokens // settings.batch_tokens, settings.batch_tokens // 512
    late = int(steps * 0.4)
    many = Reading(steps - late, rows, 512, settings.polish_think, settings.polish_drill, settings.polish_broad)
    few = Reading(late, rows, 512, settings.polish_think_late, settings.polish_drill, settings.polish_broad)
    return Pass([many, few], settings.polish_lr, 0.9, settings.seed + 1)


def pretrain(model: Transformer, chat: Chat, plan: Pass, report: Callable[[dict[str, float]], None]) -> None:
    """Train `model` in place; `report` gets the loss and speed every 20 steps."""
    masters = MasterWeights(model)
    inner, outer = split_for_muon(masters)
    optimizers = [
        torch.optim.Muon(inner, lr=plan.lr, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(outer, lr=plan.lr / 6, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]
    steps, began, seen = plan.steps, time.perf_counter(), 0
    for step, batch in enumerate(stream(chat, plan.readings, plan.seed)):
        set_lr(optimizers, plan.rate(step))
        ids_BT = torch.from_numpy(batch.astype("int64"))
        rows = [[part] for part in ids_BT.chunk(torch.get_num_threads())]
        losses = gradients_side_by_side(model, masters, rows, partial(next_token_loss, rows=len(batch)))
        masters.clip(1.0)
        for optimizer in optimizers:
            optimizer.step()
        masters.publish()
        seen += batch.size
        if step % 20 == 0 or step == steps - 1:
            seconds = time.perf_counter() - began
            report({"step": step, "steps": steps, "loss": sum(losses), "tokens": seen, "per_second": seen / seconds})


def next_token_loss(model: Transformer, ids_BT: Tensor, rows: int) -> float:
    """The rows' share of the mean cross-entropy of every next token of all rows, its gradient left in the model."""
    hidden_NE = model.hidden(ids_BT[:, :-1].contiguous()).flatten(0, 1)
    logp_N, _ = chunked_logp(hidden_NE, model.head_weight_VE, ids_BT[:, 1:].flatten())
    loss = -logp_N.mean() * (len(ids_BT) / rows)
    loss.backward()
    return loss.item()


def make_base(settings: Pretrain, out: Path, say: Callable[[str], None]) -> None:
    """Train a fresh model of the shape, for `tiny` with a tokenizer, and write the model folder.

    What the first pass made is kept beside it, as OUT-first; where that exists, only the second pass is done.
    """
    halfway = out.with_name(out.name + "-first")
    if not (halfway / "config.json").exists():
        new = settings.shape == "tiny"
        chat = Chat(train_tokenizer(sample_texts(settings.seed), VOCAB)) if new else Chat.load(resolve("tiny"))
        torch.manual_seed(settings.seed)
        sizes = replace(
            SHAPES[settings.shape], vocab_size=len(chat), eos_token_id=chat.end_id, pad_token_id=chat.pad_id
        )
        model = Transformer(sizes).bfloat16()
        say(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M weights")
        if settings.shape == "half":
            cut(load_model(resolve("tiny"), torch.bfloat16), model)
            save_model(model, chat, halfway)
        else:
            read(model, chat, first_pass(settings), halfway, say)
    model, chat = load_model(halfway, torch.bfloat16), Chat.load(halfway)
    read(model, chat, second_pass(settings), out, say)


def cut(base: Transformer, model: Transformer) -> None:
    """Give `model`, which has fewer layers, the weights of the base's layers `KEPT` and all that is outside layers."""
    weights = {name: tensor for name, tensor in base.state_dict().items() if not name.startswith("blocks.")}
    for i, layer in enumerate(KEPT):
        part = base.blocks[layer].state_dict()
        weights |= {f"blocks.{i}.{name}": tensor for name, tensor in part.items()}
    model.load_state_dict(weights)


def read(model: Transformer, chat: Chat, plan: Pass, out: Path, say: Callable[[str], None]) -> None:
    """One pass, and the model folder after it."""
    tokens = sum(reading.batches * reading.rows * reading.tokens for reading in plan.readings)
    say(f"{tokens / 1e6:.0f} M tokens to read")
    pretrain(
        model,
        chat,
        plan,
        lambda r: say(f"{r['step']:>5}/{r['steps']}  loss {r['loss']:.4f}  {r['per_second']:.0f} tokens a second"),
    )
    save_model(model, chat, out)
    say(f"wrote {out}")


def sample_texts(seed: int, count: int = 20_000) -> Iterator[str]:
    """Texts to learn the tokenizer's merges from."""
    rng = random.Random(seed - 1)
    return (text(rng, 0.3) for _ in range(count))
