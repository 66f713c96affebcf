"""Supervised fine-tuning: learn replies word for word, as R1 does from cold-start and curated data, and its students.

    settings = Sft(epochs=2)
    state = start(policy, settings)
    for record in train(policy, chat, examples, settings, state, seed=0):
        print(record["loss"])

arXiv 2501.12948 (v2, appendix B.4) trains 2 to 3 epochs with a cosine from 5e-5 to a tenth of it, 128 examples a step.
Prompts are not learnt, and the end token is: it is how a reply stops. Examples are packed (`batch.py`), each looks back
on its own prompt only. Nothing here reads or writes a file.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import torch
from pydantic import Field

from aha.chat import Chat
from aha.config import Settings
from aha.errors import ConfigError, DataError
from aha.models.lora import adapt
from aha.models.transformer import Transformer
from aha.train.batch import Batch, collate, micro_batches, pack, shares
from aha.train.grpo import reply_logp
from aha.train.loss import weigh_by_token
from aha.train.optim import MasterWeights, gradients_side_by_side
from aha.train.state import State
from aha.types import Completion, Example

Backward = Callable[[Transformer, Batch], dict[str, float]]
"""Leaves a micro-batch's gradient in the policy; returns sums that add up to the step's."""


class Sft(Settings):
    """How a policy is fine-tuned on examples."""

    epochs: int = Field(2, ge=1)
    """How often every example is read."""
    examples: int = Field(32, ge=1)
    """Most examples a step; an epoch is dealt out evenly among its steps."""
    lr: float = Field(5e-4, gt=0, le=1)
    """Peak learning rate of AdamW."""
    lr_end: float = Field(0.1, ge=0, le=1)
    """Share of the learning rate that is left at the last step; it falls along a cosine."""
    warmup: int = Field(3, ge=0)
    """Steps over which the learning rate rises."""
    max_tokens: int = Field(1024, ge=2)
    """Longest example, prompt and end token included; longer ones are left out and counted, never cut."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm."""
    lora: int = Field(0, ge=0)
    """Rank of the adapters that learn in place of the weights; 0 trains all weights."""
    micro_tokens: int = Field(16_384, ge=1)
    """Tokens a forward and backward pass holds at once; prompts count once."""


def start(policy: Transformer, settings: Sft) -> State:
    """Fresh state for a policy about to be trained."""
    if settings.lora:
        adapt(policy, settings.lora)
    masters = MasterWeights(policy)
    return State(masters, torch.optim.AdamW(masters.tensors, settings.lr, (0.9, 0.95), weight_decay=0.0, fused=True))


def cross_entropy(policy: Transformer, micro: Batch) -> dict[str, float]:
    """-log p of the examples' tokens, weighed as the batch says."""
    packed = pack(micro)
    logp_N, _ = reply_logp(policy, micro, packed, temperature=1.0)
    loss = -(logp_N * micro.weight_BT[micro.mask_BT > 0]).sum()
    loss.backward()
    return {"loss": loss.item(), "trained_tokens": float(len(logp_N)), "computed_tokens": float(len(packed.ids_M))}


def train(
    policy: Transformer,
    chat: Chat,
    examples: Sequence[Example],
    settings: Sft,
    state: State,
    seed: int,
    hold: Callable[[], None] = lambda: None,
    backward: Backward = cross_entropy,
) -> Iterator[dict[str, float]]:
    """Train `policy` in place from `state.step` to the last step of the last epoch, yielding what each measured.

    A step is a function of the examples, the settings, the seed and its number, so a run that is interrupted and
    continued from a saved state takes the same path. `hold` is called when weights are about to change; from then until
    the yield the state is neither that of one step nor of the next. `loss` is the mean over the step's reply tokens,
    which are `trained_tokens`. Raises DataError for examples that cannot be read and ConfigError for `max_tokens`
    beyond the model's positions.
    """
    if settings.max_tokens > policy.config.max_position_embeddings:
        raise ConfigError(
            f"max_tokens={settings.max_tokens} is more than the {policy.config.max_position_embeddings} positions "
            "the model knows"
        )
    replies = tokenize(examples, chat, settings)
    state.planned = settings.epochs * _steps_an_epoch(len(replies), settings)
    while state.step < state.planned:
        began = time.perf_counter()
        chosen = [replies[i] for i in drawn(state.step, len(replies), settings, seed)]
        sums = gradients(policy, batch_of(chosen), settings, state, backward)
        hold()
        record = sums | descend(settings, state, math.isfinite(sums["loss"]))
        state.step += 1
        seconds = time.perf_counter() - began
        record |= {"examples": len(chosen), "too_long": len(examples) - len(replies)}
        record |= {"epoch": settings.epochs * state.step / state.planned}
        yield record | {"seconds/step": seconds, "trained_per_second": sums["trained_tokens"] / seconds}


def tokenize(examples: Sequence[Example], chat: Chat, settings: Sft) -> list[Completion]:
    """The examples as replies to be learnt, less those longer than `max_tokens`. Raises DataError if none is left.

    Prompt and reply are encoded apart, as they are when a reply is sampled.
    """
    prompts = chat.prompt_ids([example.prompt for example in examples])
    replies = chat.encode_batch([example.reply for example in examples])
    found = []
    for example, prompt_ids, reply_ids in zip(examples, prompts, replies, strict=True):
        if not prompt_ids:
            raise DataError(f"example {example.id!r} has an empty prompt")
        if chat.end_id in reply_ids or chat.pad_id in reply_ids:
            raise DataError(
                f"the reply of example {example.id!r} holds an end or padding token: {example.reply[:80]!r}"
            )
        token_ids = [*reply_ids, chat.end_id]
        if len(prompt_ids) + len(token_ids) <= settings.max_tokens:
            found.append(Completion(example.reply, prompt_ids, token_ids, [0.0] * len(token_ids)))
    if not found:
        longer = f": all {len(examples)} are longer than max_tokens={settings.max_tokens}" if examples else ""
        raise DataError(f"no examples to fine-tune on{longer}")
    return found


def steps(examples: Sequence[Example], chat: Chat, settings: Sft) -> int:
    """Optimizer steps of a whole training. Raises DataError as `train` does."""
    return settings.epochs * _steps_an_epoch(len(tokenize(examples, chat, settings)), settings)


def summary(examples: Sequence[Example], chat: Chat, settings: Sft) -> str:
    """One line on what a training reads, and what it has to leave out."""
    replies = tokenize(examples, chat, settings)
    tokens, left_out = sum(len(reply.token_ids) for reply in replies), len(examples) - len(replies)
    count = settings.epochs * _steps_an_epoch(len(replies), settings)
    line = f"{len(replies)} examples of {tokens} reply tokens, {settings.epochs} epochs, {count} steps"
    return line + (f"; {left_out} longer than max_tokens={settings.max_tokens} are left out" if left_out else "")


def _steps_an_epoch(count: int, settings: Sft) -> int:
    return math.ceil(count / settings.examples)


def drawn(step: int, count: int, settings: Sft, seed: int) -> list[int]:
    """Which of `count` examples a step reads: every epoch deals all of them out anew, as many a step, give or take one."""
    parts = _steps_an_epoch(count, settings)
    epoch, part = divmod(step, parts)
    return list(_order(f"{seed}/{epoch}", count)[part::parts])


@lru_cache(2)
def _order(seed: str, count: int) -> tuple[int, ...]:
    return tuple(random.Random(seed).sample(range(count), count))


def batch_of(replies: Sequence[Completion]) -> Batch:
    """A step's batch, in which every reply token counts the same."""
    return collate(replies, torch.ones(len(replies)), weigh_by_token, torch.ones(len(replies), dtype=torch.bool))


def gradients(
    policy: Transformer, batch: Batch, settings: Sft, state: State, backward: Backward = cross_entropy
) -> dict[str, float]:
    """Leave the batch's gradient in the masters, micro-batch by micro-batch; returns sums over them."""
    dealt = shares(batch, torch.get_num_threads())
    parts = [micro_batches(share, settings.micro_tokens // len(dealt)) for share in dealt]
    found = gradients_side_by_side(policy, state.masters, parts, backward)
    return {name: sum(stats[name] for stats in found) for name in found[0]}


def descend(settings: Sft, state: State, finite: bool) -> dict[str, float]:
    """Take the optimizer step. A loss or gradient that is not finite is dropped and counted, never applied."""
    norm = state.masters.clip(settings.max_grad_norm)
    group = state.optimizer.param_groups[0]
    group["lr"] = learning_rate(settings, state)
    finite = finite and math.isfinite(norm)
    if finite:
        state.optimizer.step()
        state.masters.publish()
    else:
        state.masters.zero()
    return {"grad_norm": norm, "lr": group["lr"], "skipped_updates": float(not finite)}


def learning_rate(settings: Sft, state: State) -> float:
    """The rate of the coming step: up over `warmup` steps, and along a cosine down to `lr_end` at the last."""
    rise = min(1.0, (state.step + 1) / (settings.warmup + 1))
    fall = (1 + math.cos(math.pi * state.step / max(1, state.planned - 1))) / 2
    return settings.lr * rise * (settings.lr_end + (1 - settings.lr_end) * fall)
