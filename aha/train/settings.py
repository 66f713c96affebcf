"""What can be set about reinforcement."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aha.config import Settings


class Grpo(Settings):
    """How a policy is trained by reinforcement."""

    problems: int = Field(32, ge=1, le=1 << 16)
    """Questions a step."""
    group: int = Field(16, ge=2, le=1 << 12)
    """Replies to each question."""
    max_tokens: int = Field(320, ge=1)
    """Longest reply."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature; the loss uses the same distribution."""
    lr: float = Field(2e-4, gt=0, le=1)
    """Learning rate of AdamW."""
    warmup: int = Field(3, ge=0)
    """Optimizer steps over which the learning rate rises."""
    lr_end: float = Field(1.0, ge=0, le=1)
    """Share of the learning rate that is left at the last step; it falls evenly from the first, so a run that is
    continued with more steps takes up a higher rate again."""
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
    importance_cap: float = Field(0.0, ge=0)
    """With an engine whose log-probabilities differ from the trainer's: most that a token's weight min(trainer / sampler,
    cap) may be (truncated importance sampling), 2 as a rule; 0 takes the sampler's as they are."""
    reference_every: int = Field(0, ge=0)
    """Steps after which the reference becomes the current policy; 0 is never. The R1 paper takes 400."""
    refill: int = Field(0, ge=0)
    """Extra draws to replace groups whose rewards are all equal (dynamic sampling of DAPO)."""
    overlong: int = Field(0, ge=0)
    """Length of the stretch before max_tokens over which a reply loses up to 1 reward; 0 is off."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm."""
    lora: int = Field(0, ge=0)
    """Rank of the adapters that learn in place of the weights; 0 trains all weights."""
    micro_tokens: int = Field(16_384, ge=1)
    """Tokens a forward and backward pass holds at once; prompts count once."""
