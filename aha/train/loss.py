"""The mathematics of learning from graded replies: pure functions of tensors that know no model and no settings.

A loss is put together from four choices, each a function that is passed in:

    advantage    z_score (GRPO)   centred (Dr. GRPO)   leave_one_out (RLOO)
    weight       weigh_by_reply (GRPO)   weigh_by_token (DAPO)   weigh_by_constant(n) (Dr. GRPO)
    surrogate    clipped (PPO, GRPO, DAPO)   cispo (MiniMax-M1)   gspo (Qwen3)
    kl_estimator k3 (GRPO, R1)   k3_corrected (DeepSeek-V3.2)

>>> advantage_B = z_score(reward_BG).flatten()
>>> weight_BT = weigh_by_token(mask_BT)  # of the whole batch, before it is cut into micro-batches
>>> loss = policy_loss(logp_BT, old_logp_BT, advantage_B, weight_BT, surrogate=partial(clipped, clip_high=0.28))
>>> loss.value.backward()

Shapes: B replies (or groups, beside G), G replies of a group, T tokens of the longest reply. Weights are fixed for the
whole batch, so cutting it into micro-batches of whole replies changes memory and nothing else.
`advantage.py` holds the advantages and `head.py` the log-probabilities of a large vocabulary; both import from here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aha.train.advantage import centred, leave_one_out, soft_overlong_penalty, z_score
from aha.train.head import chunked_logp

__all__ = [
    "Loss",
    "centred",
    "chunked_logp",
    "cispo",
    "clipped",
    "gspo",
    "importance_weight",
    "k3",
    "k3_corrected",
    "leave_one_out",
    "mean_stats",
    "policy_loss",
    "soft_overlong_penalty",
    "weigh_by_constant",
    "weigh_by_reply",
    "weigh_by_token",
    "z_score",
]

Surrogate = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(logp_BT, old_logp_BT, advantage_B, mask_BT) -> (loss_BT, clipped_BT): each token's loss, and whether it was cut."""

MAX_LOG_RATIO = 20.0
"""Log ratios are cut here before they are exponentiated, so that one strange token cannot make the loss infinite."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What one micro-batch contributes: `value` to call backward on, and detached sums over its tokens.

    Values and sums of the micro-batches of a batch add up to those of the batch; `mean_stats` turns sums into means.
    """

    value: Tensor
    stats: dict[str, Tensor]


# Weights -------------------------------------------------------------------------------------------------------------


def weigh_by_reply(mask_BT: Tensor) -> Tensor:
    """Every reply counts the same, however long -> weight_BT that sums to one. GRPO (2402.03300) equation 3.

    Replies that are masked altogether are left out of the count.
    """
    mask_BT = _as_float(mask_BT)
    length_B1 = mask_BT.sum(dim=1, keepdim=True)
    return mask_BT / length_B1.clamp(min=1) / (length_B1 > 0).sum().clamp(min=1)


def weigh_by_token(mask_BT: Tensor) -> Tensor:
    """Every token counts the same, so long replies count more -> weight_BT with sum one. DAPO (2503.14476) sec. 3.3."""
    mask_BT = _as_float(mask_BT)
    return mask_BT / mask_BT.sum().clamp(min=1)


def weigh_by_constant(constant: float) -> Callable[[Tensor], Tensor]:
    """A weighting in which each token counts 1 / (B * constant), whatever the lengths. Dr. GRPO (2503.20783) section 3.

    `constant` is usually the most tokens a reply may have.
    """

    def weigh(mask_BT: Tensor) -> Tensor:
        return _as_float(mask_BT) / (len(mask_BT) * constant)

    return weigh


def _as_float(mask_BT: Tensor) -> Tensor:
    return mask_BT if mask_BT.is_floating_point() else mask_BT.float()


# Surrogates ----------------------------------------------------------------------------------------------------------


def clipped(
    logp_BT: Tensor,
    old_logp_BT: Tensor,
    advantage_B: Tensor,
    mask_BT: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float | None = 0.2,
) -> tuple[Tensor, Tensor]:
    """-min(ratio * A, clip(ratio, 1 - clip_low, 1 + clip_high) * A) of each token. PPO (1707.06347) equation 7.

    GRPO clips at 0.2 on both sides, DAPO (2503.14476, section 3.1) at 0.2 and 0.28, R1's first stage (2501.12948) at
    10 and 10, where only the upper bound acts. `clip_high=None` has no upper bound.
    """
    return _clip(_ratio(logp_BT, old_logp_BT), advantage_B[:, None], clip_low, clip_high)


def cispo(
    logp_BT: Tensor, old_logp_BT: Tensor, advantage_B: Tensor, mask_BT: Tensor, *, max_ratio: float = 5.0
) -> tuple[Tensor, Tensor]:
    """-detach(min(ratio, max_ratio)) * A * log p of each token. CISPO, MiniMax-M1 (2506.13585) section 3.1.

    The weight of a token is cut, its gradient never dropped. `max_ratio` bounds the ratio itself, not its distance
    to 1; ScaleRL (2510.13786) uses 5.
    """
    ratio_BT = _ratio(logp_BT, old_logp_BT).detach()
    loss_BT = -ratio_BT.clamp(max=max_ratio) * advantage_B[:, None] * logp_BT
    return loss_BT, ratio_BT > max_ratio


def gspo(
    logp_BT: Tensor,
    old_logp_BT: Tensor,
    advantage_B: Tensor,
    mask_BT: Tensor,
    *,
    clip_low: float = 3e-4,
    clip_high: float | None = 4e-4,
) -> tuple[Tensor, Tensor]:
    """The clipped objective on one ratio a reply, the geometric mean of its tokens'. GSPO (2507.18071) section 4.1.

    The reply's loss stands at each of its tokens, so that `weigh_by_reply` averages it over replies as published.
    """
    length_B1 = mask_BT.sum(dim=1, keepdim=True).clamp(min=1)
    mean_log_ratio_B1 = ((logp_BT - old_logp_BT) * mask_BT).sum(dim=1, keepdim=True) / length_B1
    ratio_B1 = mean_log_ratio_B1.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    loss_B1, clipped_B1 = _clip(ratio_B1, advantage_B[:, None], clip_low, clip_high)
    return loss_B1.expand_as(logp_BT), clipped_B1.expand_as(logp_BT)


def _clip(ratio: Tensor, advantage_B1: Tensor, low: float, high: float | None) -> tuple[Tensor, Tensor]:
    """The lower of the plain and the clipped objective, negated, and where it was the clipped one."""
    plain = ratio * advantage_B1
    bounded = ratio.clamp(1 - low, math.inf if high is None else 1 + high) * advantage_B1
    return -torch.minimum(plain, bounded), bounded < plain


def _ratio(logp: Tensor, old_logp: Tensor) -> Tensor:
    return (logp - old_logp).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()


# Distance to the reference -------------------------------------------------------------------------------------------


def k3(logp_BT: Tensor, ref_logp_BT: Tensor, *, old_logp_BT: Tensor | None = None) -> Tensor:
    """r - log r - 1 with r = p_ref / p, of each token: an estimate of KL(p, ref) that is never negative -> kl_BT.

    GRPO (2402.03300) equation 4, joschu.net/blog/kl-approx.html. Its gradient is (1 - r) grad log p, that of the
    forward KL(ref, p). Takes `old_logp_BT` only to be called like `k3_corrected`.
    """
    drift_BT = (ref_logp_BT - logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return drift_BT.expm1() - drift_BT


def k3_corrected(logp_BT: Tensor, ref_logp_BT: Tensor, *, old_logp_BT: Tensor) -> Tensor:
    """k3 times p / p_old, differentiated through both -> kl_BT. DeepSeek-V3.2 (2512.02556) section 3.1.

    In expectation over tokens drawn from p_old, both value and gradient are those of the reverse KL(p, ref).
    """
    return _ratio(logp_BT, old_logp_BT) * k3(logp_BT, ref_logp_BT)


# The loss ------------------------------------------------------------------------------------------------------------


def policy_loss(
    logp_BT: Tensor,
    old_logp_BT: Tensor,
    advantage_B: Tensor,
    weight_BT: Tensor,
    *,
    surrogate: Surrogate = clipped,
    ref_logp_BT: Tensor | None = None,
    kl: float = 0.0,
    kl_estimator: Callable[..., Tensor] = k3,
) -> Loss:
    """The weighted sum over tokens of the surrogate and `kl` times the distance to the reference.

    logp are log-probabilities of the sampled tokens, under the weights being trained; `old_logp` under those that
    sampled them; `ref_logp` under the frozen reference. Where the weight is zero they may hold anything, also NaN.
    With a reference and `kl=0` the distance is only reported. Stats: tokens, ratio, clipped, and kl.
    """
    if kl and ref_logp_BT is None:
        raise ValueError(f"kl={kl} needs ref_logp_BT, the log-probabilities under the reference")
    mask_BT = weight_BT != 0
    logp_BT, old_logp_BT = logp_BT.masked_fill(~mask_BT, 0.0), old_logp_BT.masked_fill(~mask_BT, 0.0)

    loss_BT, clipped_BT = surrogate(logp_BT, old_logp_BT, advantage_B, mask_BT)
    sums_BT = {"tokens": mask_BT, "ratio": _ratio(logp_BT, old_logp_BT) * mask_BT, "clipped": clipped_BT & mask_BT}
    if ref_logp_BT is not None:
        kl_BT = kl_estimator(logp_BT, ref_logp_BT.masked_fill(~mask_BT, 0.0), old_logp_BT=old_logp_BT)
        sums_BT["kl"] = kl_BT * mask_BT
        if kl:
            loss_BT = loss_BT + kl * kl_BT
    return Loss((weight_BT * loss_BT).sum(), {name: each_BT.detach().sum() for name, each_BT in sums_BT.items()})


def mean_stats(parts: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """The stats of a batch's micro-batches as means over its tokens, beside the number of tokens.

    >>> mean_stats([loss.stats for loss in losses])
    {'tokens': 4096.0, 'ratio': 1.0, 'clipped': 0.01}
    """
    sums = {name: float(sum(part[name].item() for part in parts)) for name in parts[0]}
    tokens = sums.pop("tokens")
    return {"tokens": tokens} | {name: value / max(tokens, 1.0) for name, value in sums.items()}


def importance_weight(logp_old_train: Tensor, logp_sampler: Tensor, cap: float = 2.0) -> Tensor:
    """min(p_train / p_sampler, cap) of each token under the same weights, without gradient: a factor for its weight.

    Truncated importance sampling (fengyao.notion.site/off-policy-rl), for a sampler whose arithmetic differs from the
    trainer's.
    """
    return _ratio(logp_old_train, logp_sampler).detach().clamp(max=cap)
