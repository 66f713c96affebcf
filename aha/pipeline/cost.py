"""What stages cost: seconds, tokens, floating-point operations, core-hours, and money at the user's rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aha.pipeline.runner import Stage


@dataclass(frozen=True, slots=True)
class Cost:
    """Summed over stages."""

    seconds: float
    sampled: float
    trained: float
    flops: float
    core_hours: float

    def in_words(self, price: float = 0.0) -> str:
        """One line; `price` is that of a core-hour, 0 leaves money out."""
        money = f", {self.core_hours * price:.2f} at {price:g} a core-hour" if price else ""
        return (
            f"{self.seconds / 60:.1f} minutes, {self.sampled / 1e6:.2f} M tokens sampled, {self.trained / 1e6:.2f} M "
            f"trained, {self.flops:.1e} operations, {self.core_hours:.2f} core-hours{money}"
        )


def cost_of(stages: Sequence[Stage]) -> Cost:
    """What stages took. Operations are estimated: 2 for each weight and token sampled, 6 for each one trained."""
    records = [stage.record for stage in stages]
    sampled, trained = (sum(r.get(f"{kind}_tokens", 0) for r in records) for kind in ("sampled", "trained"))
    flops = sum(
        r.get("weights", 0) * (2 * r.get("sampled_tokens", 0) + 6 * r.get("trained_tokens", 0)) for r in records
    )
    seconds = sum(r["seconds"] for r in records)
    return Cost(seconds, sampled, trained, flops, sum(r["seconds"] * r.get("threads", 1) for r in records) / 3600)
