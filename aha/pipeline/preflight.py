"""Look before learning: sample a few groups and say in words whether reinforcement has anything to work with."""

from __future__ import annotations

from collections.abc import Iterator

from aha.tasks.base import Task
from aha.train.metrics import describe
from aha.train.rollouts import roll_out
from aha.train.settings import Grpo
from aha.types import Engine

GROUPS = 8
"""Groups sampled; enough to see a total failure, not to measure a rate."""


def preflight(engine: Engine, task: Task, settings: Grpo, seed: int) -> Iterator[str]:
    """Sentences on truncation, reward spread, mixed groups and format, with what to change where it looks bad."""
    small = settings.model_copy(update={"problems": GROUPS, "refill": 0})
    rollout, _ = roll_out(engine, task, small, seed * 1_000_003 - 1)
    seen = describe(rollout)
    replies = GROUPS * settings.group
    yield f"pre-flight on {replies} replies: mean reward {seen['reward']:.2f}, mean length {seen['length_mean']:.0f} tokens"
    yield from _judge(seen, settings)


def _judge(seen: dict[str, float], settings: Grpo) -> Iterator[str]:
    if seen["truncated"] > 0.5:
        yield (
            f"  warning: {seen['truncated']:.0%} of the replies are cut off at {settings.max_tokens} tokens and earn "
            f"nothing; raise grpo.max_tokens"
        )
    elif seen["truncated"] > 0.1:
        yield f"  {seen['truncated']:.0%} of the replies are cut off at {settings.max_tokens} tokens"
    if seen["mixed_groups"] == 0:
        yield (
            "  warning: within every group all rewards are equal, so there is nothing to learn from; take easier "
            "problems, larger groups, or a base that sometimes succeeds"
        )
    else:
        yield f"  {seen['mixed_groups']:.0%} of the groups hold better and worse replies, which is what GRPO learns from"
    formatted = seen.get("reward/formatted")
    if formatted is not None:
        verdict = "" if formatted > 0.3 else "; warning: few follow the template, so most rewards will be about form"
        yield f"  {formatted:.0%} of the replies follow the template{verdict}"
    if seen["failed"]:
        yield f"  warning: the grader failed on {seen['failed']:.0f} replies; they are left out of the learning"
