"""GRPO: sample groups, grade them, learn from how each reply compares with its own group (arXiv 2402.03300).

The loop is on this page. The mathematics is in `loss.py`, the tensors in `batch.py`; the caller brings the engine, the
task, and callbacks that log and save. Left out: a value model, several devices.
"""

from __future__ import annotations

import copy
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from aha.chat import count_reflection, is_mixed
from aha.config import Settings
from aha.models.transformer import Transformer
from aha.tasks.base import Task
from aha.train import loss as L
from aha.train.batch import Batch, collate, micro_batches, padded_share
from aha.train.optim import MasterWeights
from aha.types import Completion, Engine, Problem, Sampling, Score

ADVANTAGES = {"z-score": L.z_score, "centred": L.centred, "leave-one-out": L.leave_one_out}
KL_ESTIMATORS = {"k3": L.k3, "k3-corrected": L.k3_corrected}


class Grpo(Settings):
    """How a policy is trained by reinforcement."""

    problems: int = Field(32, ge=1)
    """Questions a step."""
    group: int = Field(16, ge=2)
    """Replies to each question."""
    max_tokens: int = Field(320, ge=1)
    """Longest reply."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature; the loss uses the same distribution."""
    lr: float = Field(2e-4, gt=0)
    """Learning rate of AdamW."""
    warmup: int = Field(3, ge=0)
    """Optimizer steps over which the learning rate rises."""
    updates: int = Field(1, ge=1)
    """Optimizer steps a rollout; the replies are dealt out among them."""
    advantage: Literal["z-score", "centred", "leave-one-out"] = "z-score"
    """How a reward is compared with its group: GRPO, Dr. GRPO or RLOO."""
    weight: Literal["reply", "token", "constant"] = "token"
    """What counts the same: every reply (GRPO), every token (DAPO), or every token of a fixed total (Dr. GRPO)."""
    surrogate: Literal["clipped", "cispo", "gspo"] = "clipped"
    """The objective of a token."""
    clip_low: float = Field(0.2, ge=0)
    """How far a ratio may fall before it stops teaching."""
    clip_high: float = Field(0.28, ge=0)
    """How far it may rise; for CISPO the ratio itself."""
    kl: float = Field(0.0, ge=0)
    """Weight of the distance to the reference."""
    kl_estimator: Literal["k3", "k3-corrected"] = "k3"
    """k3 as published, or with the off-policy correction of DeepSeek-V3.2."""
    reference_every: int = Field(0, ge=0)
    """Steps after which the reference becomes the current policy; 0 is never. The R1 paper takes 400."""
    refill: int = Field(0, ge=0)
    """Extra draws to replace groups whose rewards are all equal (dynamic sampling of DAPO)."""
    overlong: int = Field(0, ge=0)
    """Length of the stretch before max_tokens over which a reply loses up to 1 reward; 0 is off."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm."""
    micro_tokens: int = Field(16_384, ge=1)
    """Padded tokens a forward and backward pass holds at once."""


@dataclass
class State:
    """All that changes while training, besides the policy: what a checkpoint must hold."""

    masters: MasterWeights
    optimizer: torch.optim.Optimizer
    step: int = 0
    """Steps completed."""
    reference: Transformer | None = None


@dataclass
class Rollout:
    """What one step learns from: problems, their groups of replies, and the scores of each."""

    problems: list[Problem] = field(default_factory=list)
    groups: list[list[Completion]] = field(default_factory=list)
    scores: list[list[Score]] = field(default_factory=list)
    sampled_groups: int = 0
    flat_groups: int = 0
    """Groups whose rewards were all equal, also those that were replaced."""


def start(policy: Transformer, settings: Grpo) -> State:
    """Fresh state for a policy about to be trained."""
    masters = MasterWeights(policy)
    optimizer = torch.optim.AdamW(masters.tensors, lr=settings.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    return State(masters, optimizer, reference=copy.deepcopy(policy) if settings.kl else None)


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
    while state.step < steps:
        began = time.perf_counter()
        rollout, seconds = roll_out(engine, task, settings, seed * 1_000_003 + state.step)
        batches, metrics = prepare(rollout, settings)
        hold()
        stats = [update(policy, batch, settings, state) for batch in batches]
        if settings.reference_every and (state.step + 1) % settings.reference_every == 0:
            state.reference = copy.deepcopy(policy)
        state.step += 1
        seconds["train"] = time.perf_counter() - began - sum(seconds.values())
        yield rollout, describe(rollout) | metrics | merge(stats) | timing(rollout, seconds)


def roll_out(engine: Engine, task: Task, settings: Grpo, seed: int) -> tuple[Rollout, dict[str, float]]:
    """Sample and grade the groups of a step, replacing those without a signal up to `settings.refill` times."""
    rollout, spent = Rollout(), {"sample": 0.0, "reward": 0.0}
    for attempt in range(settings.refill + 1):
        wanted = settings.problems - len(rollout.groups)
        if not wanted:
            break
        clock, drawn = time.perf_counter(), seed * 101 + attempt
        problems = task.draw(wanted, drawn)
        sampling = Sampling(settings.group, settings.max_tokens, settings.temperature, seed=drawn)
        groups = engine.generate([problem.prompt for problem in problems], sampling)
        spent["sample"] += time.perf_counter() - clock
        clock = time.perf_counter()
        last = attempt == settings.refill
        for problem, group in zip(problems, groups, strict=True):
            scores = task.rubric(problem, group)
            flat = len({score.total for score in scores if score.total is not None}) < 2
            rollout.sampled_groups += 1
            rollout.flat_groups += flat
            if not flat or last or not settings.refill:
                rollout.problems.append(problem)
                rollout.groups.append(group)
                rollout.scores.append(scores)
        spent["reward"] += time.perf_counter() - clock
    return rollout, spent


def prepare(rollout: Rollout, settings: Grpo) -> tuple[list[Batch], dict[str, float]]:
    """The batches of a step, one an update. Groups without a signal teach nothing and are left out."""
    reward_BG = rewards(rollout, settings)
    advantage_BG = ADVANTAGES[settings.advantage](reward_BG)
    useful = [b for b in range(len(reward_BG)) if bool((advantage_BG[b] != 0).any())]
    batches = []
    for part in range(settings.updates):
        chosen = useful[part :: settings.updates]
        if chosen:
            replies = [completion for b in chosen for completion in rollout.groups[b]]
            learn_B = ~reward_BG[chosen].flatten().isnan()
            batches.append(collate(replies, advantage_BG[chosen].flatten(), weighting(settings), learn_B))
    shares = [padded_share(batch, settings.micro_tokens) for batch in batches]
    positions = sum(int((batch.mask_BT > 0).sum()) for batch in batches)
    return batches, {"useful_tokens": sum(shares) / max(1, len(shares)), "trained_tokens": positions}


def rewards(rollout: Rollout, settings: Grpo) -> Tensor:
    """Total rewards, [B, G], NaN where a grader failed, less the penalty for overlong replies."""
    reward_BG = torch.tensor([[float("nan") if s.total is None else s.total for s in row] for row in rollout.scores])
    if settings.overlong:
        length_BG = torch.tensor([[len(c.token_ids) for c in group] for group in rollout.groups])
        reward_BG = reward_BG + L.soft_overlong_penalty(length_BG, settings.max_tokens, settings.overlong)
    return reward_BG


def advantages(rollout: Rollout, settings: Grpo) -> Tensor:
    """What each reply of a step teaches, [B, G]."""
    return ADVANTAGES[settings.advantage](rewards(rollout, settings))


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
    return apply(settings, state) | stats


def gradients(policy: Transformer, batch: Batch, settings: Grpo, state: State) -> dict[str, float]:
    """Leave the batch's gradient in the masters, micro-batch by micro-batch; returns means over its reply tokens."""
    sums: defaultdict[str, float] = defaultdict(float)
    gap_max = 0.0
    for micro in micro_batches(batch, settings.micro_tokens):
        logp_N, entropy_N = reply_logp(policy, micro, settings.temperature)
        ref_logp_BT = None
        if state.reference is not None:
            with torch.no_grad():
                ref_logp_BT = spread(reply_logp(state.reference, micro, settings.temperature)[0], micro)
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
        state.masters.collect()
        gap_N = (logp_N.detach() - micro.old_logp_BT[micro.mask_BT > 0]).abs()
        gap_max = max(gap_max, float(gap_N.max()) if len(gap_N) else 0.0)
        seen = loss.stats | {"entropy": entropy_N.sum(), "gap_mean": gap_N.sum(), "loss": loss.value.detach()}
        for name, value in seen.items():
            sums[name] += float(value)
    tokens = max(1.0, sums.pop("tokens"))
    means = {"loss": sums.pop("loss")} | {name: value / tokens for name, value in sums.items()}
    return means | {"gap_max": gap_max}


def apply(settings: Grpo, state: State) -> dict[str, float]:
    """Take the optimizer step. A gradient that is not finite is dropped and counted, never applied."""
    norm = state.masters.clip(settings.max_grad_norm)
    group = state.optimizer.param_groups[0]
    group["lr"] = settings.lr * min(1.0, (state.step * settings.updates + 1) / (settings.warmup + 1))
    finite = norm == norm and norm != float("inf")
    if finite:
        state.optimizer.step()
        state.masters.publish()
    else:
        state.masters.zero()
    return {"grad_norm": norm, "lr": group["lr"], "skipped_updates": float(not finite)}


def reply_logp(policy: Transformer, batch: Batch, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy at each reply token of a micro-batch, [N] and [N], row by row.

    Only the states that predict a reply token meet the vocabulary.
    """
    hidden_NE = policy.hidden(batch.ids_BT)[batch.mask_BT > 0]
    return L.chunked_logp(hidden_NE, policy.head_weight_VE, batch.target_BT[batch.mask_BT > 0], temperature)


def spread(value_N: Tensor, batch: Batch) -> Tensor:
    """Values of reply tokens at their places in [B, T], zero elsewhere."""
    return torch.zeros_like(batch.mask_BT).masked_scatter(batch.mask_BT > 0, value_N)


def merge(stats: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over the updates of a step; a step without any signal has none."""
    if not stats:
        return {}
    return {name: sum(part[name] for part in stats) / len(stats) for name in stats[0]}


def describe(rollout: Rollout) -> dict[str, Any]:
    """What the replies of a step were like: rewards and their parts, lengths, behaviours, and reasons for failure."""
    replies = [completion for group in rollout.groups for completion in group]
    scores = [score for row in rollout.scores for score in row]
    graded = [score.total for score in scores if score.total is not None]
    lengths = sorted(len(reply.token_ids) for reply in replies)
    count = max(1, len(replies))
    record: dict[str, Any] = {"reward": sum(graded) / max(1, len(graded)), "failed": len(scores) - len(graded)}
    for name in scores[0].parts:
        values = [v for score in scores if (v := score.parts[name]) is not None]
        record[f"reward/{name}"] = sum(values) / max(1, len(values))
    record |= {
        "length_mean": sum(lengths) / count,
        "length_p90": lengths[int(0.9 * (len(lengths) - 1))],
        "truncated": sum(reply.finish == "length" for reply in replies) / count,
        "zero_signal": rollout.flat_groups / max(1, rollout.sampled_groups),
        "mixed_groups": 1 - rollout.flat_groups / max(1, rollout.sampled_groups),
        "reflection": sum(count_reflection(reply.text) for reply in replies) / count,
        "mixed_language": sum(is_mixed(reply.text) for reply in replies) / count,
        "sampled_tokens": sum(lengths),
    }
    reasons = Counter(score.reason for score in scores if score.reason)
    return record | {f"reason/{reason}": n / count for reason, n in sorted(reasons.items())}


def timing(rollout: Rollout, seconds: dict[str, float]) -> dict[str, float]:
    """Where a step's time went, and how fast it sampled and trained."""
    tokens = sum(len(completion.token_ids) for group in rollout.groups for completion in group)
    return {f"seconds/{name}": value for name, value in seconds.items()} | {
        "seconds/step": sum(seconds.values()),
        "sampled_per_second": tokens / max(1e-9, seconds["sample"]),
        "trained_per_second": tokens / max(1e-9, seconds["train"]),
    }
