"""GRPO: sample groups, grade them, learn from how each reply compares with its own group (arXiv 2402.03300).

The loop is on this page. What it learns from is in `rollouts.py`, the mathematics in `loss.py`, the tensors in
`batch.py`; the caller brings the engine, the task, and callbacks that log and save. Left out: a value model, several
devices.
"""

from __future__ import annotations

import copy
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from aha.errors import DataError
from aha.models.lora import adapt, plain_copy
from aha.models.transformer import Transformer
from aha.tasks.base import Task
from aha.train import loss as L
from aha.train.batch import Batch, Packed, collate, micro_batches, pack, shares
from aha.train.metrics import describe, merge, timing
from aha.train.optim import MasterWeights, gradients_side_by_side
from aha.train.rollouts import ADVANTAGES, Rollout, rewards, roll_out
from aha.train.settings import Grpo
from aha.train.state import State
from aha.types import Engine

LARGEST_REWARD = 1e18
"""The squares of larger ones are infinite in fp32, and advantages would no longer be numbers."""
KL_ESTIMATORS = {"k3": L.k3, "k3-corrected": L.k3_corrected}


def start(policy: Transformer, settings: Grpo) -> State:
    """Fresh state for a policy about to be trained."""
    reference = copy.deepcopy(policy) if settings.kl else None
    if settings.lora:
        adapt(policy, settings.lora)
    masters = MasterWeights(policy)
    optimizer = torch.optim.AdamW(masters.tensors, lr=settings.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    return State(masters, optimizer, reference=reference)


def train(
    policy: Transformer,
    engine: Engine,
    task: Task,
    settings: Grpo,
    state: State,
    steps: int,
    seed: int,
    hold: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Rollout, dict[str, Any]]]:
    """Train `policy` in place from `state.step` to `steps`, yielding what each step sampled and measured.

    The engine must sample from that very policy. Problems and replies of a step are a function of the seed and the
    step, so a run that is interrupted and continued from a saved state takes the same path. `hold` is called when
    weights are about to change; from then until the yield the state is neither that of one step nor of the next.
    """
    state.planned = steps
    while state.step < steps:
        began = time.perf_counter()
        rollout, seconds = roll_out(engine, task, settings, seed * 1_000_003 + state.step)
        batches = prepare(rollout, settings)
        if settings.importance_cap:
            batches = [corrected(policy, batch, settings) for batch in batches]
        hold()
        stats = [update(policy, batch, settings, state) for batch in batches]
        if settings.reference_every and (state.step + 1) % settings.reference_every == 0:
            state.reference = plain_copy(policy)
        state.step += 1
        seconds["train"] = time.perf_counter() - began - sum(seconds.values())
        yield rollout, describe(rollout) | merge(stats) | timing(rollout, seconds)


def prepare(rollout: Rollout, settings: Grpo) -> list[Batch]:
    """The batches of a step, one an update. Groups without a signal teach nothing and are left out.

    Raises DataError for a reward too large to be compared with others.
    """
    reward_BG = rewards(rollout, settings)
    largest = float(reward_BG.abs().nan_to_num(0).max())
    if largest > LARGEST_REWARD:
        raise DataError(f"a reply earned {largest:g}, more than fp32 can compare: keep rewards to {LARGEST_REWARD:g}")
    advantage_BG = ADVANTAGES[settings.advantage](reward_BG)
    useful = [b for b in range(len(reward_BG)) if bool((advantage_BG[b] != 0).any())]
    batches = []
    for part in range(settings.updates):
        chosen = useful[part :: settings.updates]
        if chosen:
            replies = [completion for b in chosen for completion in rollout.groups[b]]
            learn_B = ~reward_BG[chosen].flatten().isnan()
            batches.append(collate(replies, advantage_BG[chosen].flatten(), weighting(settings), learn_B))
    return batches


def corrected(policy: Transformer, batch: Batch, settings: Grpo) -> Batch:
    """The batch with the trainer's own old log-probabilities, and tokens weighed by min(trainer / sampler, cap).

    Truncated importance sampling, for an engine whose arithmetic differs from the trainer's.
    """
    old_logp_BT = torch.zeros_like(batch.mask_BT)
    start = 0
    with torch.no_grad():
        for micro in micro_batches(batch, settings.micro_tokens):
            logp_BT = spread(reply_logp(policy, micro, pack(micro), settings.temperature)[0], micro)
            old_logp_BT[start : start + len(micro), : logp_BT.shape[1]] = logp_BT
            start += len(micro)
    factor_BT = L.importance_weight(old_logp_BT, batch.sampled_logp_BT, settings.importance_cap)
    return replace(batch, old_logp_BT=old_logp_BT, weight_BT=batch.weight_BT * factor_BT)


def weighting(settings: Grpo) -> Callable[[Tensor], Tensor]:
    """What each reply token weighs in the loss."""
    if settings.weight == "constant":
        return L.weigh_by_constant(settings.max_tokens)
    return L.weigh_by_reply if settings.weight == "reply" else L.weigh_by_token


def surrogate(settings: Grpo) -> L.Surrogate:
    """The objective of a token, with its bounds."""
    if settings.surrogate == "cispo":
        return partial(L.cispo, max_ratio=settings.clip_high)
    chosen = L.gspo if settings.surrogate == "gspo" else L.clipped
    return partial(chosen, clip_low=settings.clip_low, clip_high=settings.clip_high)


def update(policy: Transformer, batch: Batch, settings: Grpo, state: State) -> dict[str, float]:
    """One optimizer step over a whole batch."""
    stats = gradients(policy, batch, settings, state)
    finite = math.isfinite(stats["loss"]) and math.isfinite(stats["gap_mean"])
    return apply(settings, state, finite) | stats


def gradients(policy: Transformer, batch: Batch, settings: Grpo, state: State) -> dict[str, float]:
    """Leave the batch's gradient in the masters, micro-batch by micro-batch; returns means over its reply tokens."""
    sums: defaultdict[str, float] = defaultdict(float)
    gap_max = 0.0
    dealt = shares(batch, torch.get_num_threads())
    parts = [micro_batches(share, settings.micro_tokens // len(dealt)) for share in dealt]
    for stats in gradients_side_by_side(
        policy, state.masters, parts, lambda replica, micro: backward(replica, micro, settings, state.reference)
    ):
        gap_max = max(gap_max, stats.pop("gap_max"))
        for name, value in stats.items():
            sums[name] += value
    tokens, kept = sums.pop("tokens"), {name: sums.pop(name) for name in ("loss", "computed_tokens")}
    means = kept | {name: value / max(1.0, tokens) for name, value in sums.items()}
    return means | {"gap_max": gap_max, "trained_tokens": tokens}


def backward(policy: Transformer, micro: Batch, settings: Grpo, reference: Transformer | None) -> dict[str, float]:
    """Leave a micro-batch's gradient in the policy; returns sums over its reply tokens."""
    packed = pack(micro)
    logp_N, entropy_N = reply_logp(policy, micro, packed, settings.temperature)
    ref_logp_BT = None
    if reference is not None:
        with torch.no_grad():
            ref_logp_BT = spread(reply_logp(reference, micro, packed, settings.temperature)[0], micro)
    loss = L.policy_loss(
        spread(logp_N, micro),
        micro.old_logp_BT,
        micro.advantage_B,
        micro.weight_BT,
        surrogate=surrogate(settings),
        ref_logp_BT=ref_logp_BT,
        kl=settings.kl,
        kl_estimator=KL_ESTIMATORS[settings.kl_estimator],
    )
    loss.value.backward()
    gap_N = (logp_N.detach() - micro.sampled_logp_BT[micro.mask_BT > 0]).abs()
    seen = loss.stats | {"entropy": entropy_N.sum(), "gap_mean": gap_N.sum(), "loss": loss.value.detach()}
    return {name: float(value) for name, value in seen.items()} | {
        "gap_max": float(gap_N.max()) if len(gap_N) else 0.0,
        "computed_tokens": float(len(packed.ids_M)),
    }


def apply(settings: Grpo, state: State, finite: bool = True) -> dict[str, float]:
    """Take the optimizer step, unless what led to the gradient or the gradient itself is not finite: then it is counted.

    A loss of NaN may have a finite gradient, as bounds hide it. Without any gradient nothing is taken either: momentum
    would move the weights on.
    """
    norm = state.masters.clip(settings.max_grad_norm)
    group = state.optimizer.param_groups[0]
    group["lr"] = learning_rate(settings, state)
    finite = finite and math.isfinite(norm)
    if finite and norm > 0:
        state.optimizer.step()
        state.masters.publish()
    else:
        state.masters.zero()
    return {"grad_norm": norm, "lr": group["lr"], "skipped_updates": float(not finite)}


def learning_rate(settings: Grpo, state: State) -> float:
    """The rate of the coming update: up over `warmup` updates, and evenly down to `lr_end` over all steps."""
    rise = min(1.0, (state.step * settings.updates + 1) / (settings.warmup + 1))
    return settings.lr * rise * (1 - (1 - settings.lr_end) * state.step / max(1, state.planned))


def reply_logp(policy: Transformer, batch: Batch, packed: Packed, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy at each token that is learnt from, [N] and [N], row by row.

    Only the states that predict such a token meet the vocabulary.
    """
    hidden_NE = policy.hidden_packed(packed.ids_M, packed.at_M, packed.stretches)[packed.replies]
    learnt_BT = batch.mask_BT > 0
    if not torch.equal(learnt_BT, batch.held_BT):
        hidden_NE = hidden_NE[learnt_BT[batch.held_BT]]
    return L.chunked_logp(hidden_NE, policy.head_weight_VE, batch.target_BT[learnt_BT], temperature)


def spread(value_N: Tensor, batch: Batch) -> Tensor:
    """Values of reply tokens at their places in [B, T], zero elsewhere."""
    return torch.zeros_like(batch.mask_BT).masked_scatter(batch.mask_BT > 0, value_N)
