"""From the rewards of a group to what each of its replies teaches. Legend: B groups, G replies of a group.

NaN marks a reply whose grader failed. It counts in no mean and gets no advantage; whoever makes the token mask leaves
its tokens out as well.
"""

from __future__ import annotations

import math

from torch import Tensor


def z_score(reward_BG: Tensor, eps: float = 1e-6) -> Tensor:
    """How much better each reply did than its own group, in standard deviations -> advantage_BG.

    GRPO (2402.03300) section 4.1.2. NaN marks a grader that failed: it counts in no mean and gets 0, as does every
    reply of a group of equal rewards, or of fewer than two that could be graded.
    """
    centred_BG, valid_B1 = _centre(reward_BG)
    std_B1 = (centred_BG.square().sum(dim=1, keepdim=True) / valid_B1).sqrt()
    return centred_BG / (std_B1 + eps)


def centred(reward_BG: Tensor) -> Tensor:
    """How much better each reply did than its own group, in units of reward -> advantage_BG.

    Dr. GRPO (2503.20783) section 3: without the division, very easy and very hard questions weigh no more than others.
    NaN as in `z_score`.
    """
    return _centre(reward_BG)[0]


def leave_one_out(reward_BG: Tensor) -> Tensor:
    """How much better each reply did than the mean of the others in its group -> advantage_BG.

    RLOO (2402.14740); equal to `centred` times n / (n - 1). NaN as in `z_score`.
    """
    centred_BG, valid_B1 = _centre(reward_BG)
    return centred_BG * valid_B1 / (valid_B1 - 1).clamp(min=1)


def _centre(reward_BG: Tensor) -> tuple[Tensor, Tensor]:
    """Rewards less their group's mean, 0 where there is nothing to compare, and how many were graded (at least 1)."""
    valid_BG = ~reward_BG.isnan()
    valid_B1 = valid_BG.sum(dim=1, keepdim=True).clamp(min=1)
    mean_B1 = reward_BG.nansum(dim=1, keepdim=True) / valid_B1

    # Equal rewards may differ from their rounded mean by a little, which a division by their spread would blow up.
    highest_B1 = reward_BG.masked_fill(~valid_BG, -math.inf).amax(dim=1, keepdim=True)
    lowest_B1 = reward_BG.masked_fill(~valid_BG, math.inf).amin(dim=1, keepdim=True)
    return (reward_BG - mean_B1).masked_fill(~valid_BG | (highest_B1 <= lowest_B1), 0.0), valid_B1


def soft_overlong_penalty(length: Tensor, max_tokens: int, cache: int) -> Tensor:
    """What to add to the reward of a reply of `length` tokens: 0, falling to -1 over the last `cache` tokens.

    DAPO (2503.14476) section 3.4.
    """
    return ((max_tokens - cache - length) / cache).clamp(-1.0, 0.0)
