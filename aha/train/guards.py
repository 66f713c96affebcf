"""What can be wrong with a step of reinforcement: eight checks of its record against those of the steps before.

Each takes (the record, the past) and returns None or what it objects to. `health.py` counts objections and acts. Bounds
leave room: runs of the embedded model stay several times below each, which tests/test_health.py holds to.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from aha.types import Precision

Record = Mapping[str, Any]

WINDOW = 8
"""Steps whose median is what is usual: few, so that a run that changes steadily is compared with what it is now."""
GAPS = {"fp32": (1e-4, 1e-4), "bf16": (0.015, 0.05)}
"""Mean differences of log-probabilities above which sampler and trainer are suspected, and known, to disagree. The
embedded model has 5e-7 and 0.004 to 0.006; a temperature of 0.9 taken for 1 has 0.015 to 0.021. Every layer rounds:
they grow with the root of the depth, from the embedded model's. SmolLM2's 30 layers have 0.022 to 0.028 in bf16."""
DEPTH = 4
"""Layers of the embedded model."""
SPIKES = {"fp32": 0.0, "bf16": 5.0}
"""What single tokens may add to the sum of differences: rounding to bf16 moves a rare token by several nats."""
DECEIT = 0.1
"""Growth of the gap between a learned reward and the strict rule that raises the alarm."""
GROUPS = 100
"""Groups without a signal before a run is called hopeless, however few a step has: small steps are flat by chance."""
SOLVED = 0.99
"""Share of right replies from which flat groups are a success."""
RISE = 0.02
"""An accuracy that rose by less has not risen."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guard objects to. Only fatal ones count towards a stop."""

    words: str
    fatal: bool = True


@dataclass
class Streak:
    """Bad steps of one guard that no good one has ended yet."""

    began: int
    first: Record
    """The step it began with, and its record."""
    fatal: int = 0
    groups: int = 0
    good: int = 0
    """Good steps since the last bad one."""


class Past:
    """What a guard may compare a step with."""

    def __init__(self, gap: float, dtype: Precision) -> None:
        self.gap, self.dtype = gap, dtype
        self.sound: deque[Record] = deque(maxlen=WINDOW)
        """The last records that no guard of the arithmetic objected to."""
        self.first: Record = {}
        """The first of all of these."""
        self.best = -math.inf
        """The highest mean reward of them."""
        self.streaks: dict[str, Streak] = {}

    def add(self, record: Record) -> None:
        """Take a sound record in."""
        self.sound.append(record)
        self.first = self.first or record
        self.best = max(self.best, number(record, "reward") or 0.0)

    def usual(self, name: str, least: int = 1) -> float | None:
        """The median over the last sound steps, if at least `least` of them have that number."""
        values = [value for record in self.sound if (value := number(record, name)) is not None]
        return median(values) if len(values) >= least else None


def number(record: Record, *names: str) -> float | None:
    """The first of these that the record has as a finite number."""
    for name in names:
        value = record.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    return None


def not_finite(now: Record, past: Past) -> Finding | None:
    """NaN or infinity in what was computed; an update that would have spread it has been dropped."""
    names = ("loss", "grad_norm", "reward", "sampled_entropy", "gap_mean")
    broken = [name for name in names if name in now and number(now, name) is None]
    if not broken and not now.get("skipped_updates"):
        return None
    where = ", ".join(broken) or "an update"
    return Finding(
        f"{where} is not a finite number: the update was dropped. If it comes back, lower grpo.lr or take dtype = fp32"
    )


def mismatch(now: Record, past: Past) -> Finding | None:
    """The trainer gives sampled tokens other log-probabilities than the sampler did, which should hold the same weights."""
    gap = number(now, "gap_first", "gap_mean")
    if gap is None:
        return None
    usual = past.usual("gap_first") or past.usual("gap_mean")
    deeper = math.sqrt(max(1.0, (number(now, "layers") or DEPTH) / DEPTH))
    suspect, known = (deeper * bound for bound in GAPS[past.dtype])
    if past.gap:
        suspect = known = past.gap
    elif usual and past.dtype == "bf16":
        known = min(known, max(0.01, 3 * usual))
    spikes = SPIKES[past.dtype] / max(1.0, number(now, "trained_tokens") or 0.0)
    bound = min(suspect, known) + spikes
    if gap <= bound:
        return None
    return Finding(
        f"sampler and trainer disagree: log-probabilities of the same tokens differ by {gap:.2g} on average, {bound:.2g} "
        f"is the most to expect. Does the engine sample at grpo.temperature, with the newest weights, all layers of them?",
        fatal=gap > known + spikes and not jump(now, past),
    )


def explosion(now: Record, past: Past) -> Finding | None:
    """An update threw the policy far off."""
    norm, usual_norm = number(now, "grad_norm"), past.usual("grad_norm", least=3)
    kl, usual_kl, ratio = number(now, "kl"), past.usual("kl") or 0.0, number(now, "ratio")
    seen = [words] if (words := jump(now, past)) else []
    if norm is not None and usual_norm is not None and norm > 20 * usual_norm > 0:
        seen.append(f"the gradient's norm went from {usual_norm:.3g} to {norm:.3g}")
    if kl is not None and kl > max(1.0, 10 * usual_kl):
        seen.append(f"the distance to the reference went from {usual_kl:.3g} to {kl:.3g}")
    if ratio is not None and abs(ratio - 1) > 0.5 and mismatch(now, past) is None:
        seen.append(f"tokens are {ratio:.3g} times as likely as when they were sampled")
    return Finding(f"the policy has been thrown off: {', '.join(seen)}. Lower grpo.lr") if seen else None


def jump(now: Record, past: Past) -> str:
    """How replies changed at a bound, if they did: to chance, to one reply for all, or to nothing that is worth a reward."""
    entropy, was = number(now, "sampled_entropy", "entropy"), past.usual("sampled_entropy") or past.usual("entropy")
    if entropy is not None and was is not None and (entropy > 5 * was + 1 or entropy < was / 20 and was > 0.1):
        return f"entropy went from {was:.3g} to {entropy:.3g}"
    reward, earned = number(now, "reward"), past.usual("reward") or 0.0
    cut, cut_before = number(now, "truncated") or 0.0, past.usual("truncated") or 0.0
    if reward is not None and (
        reward < earned / 2 and cut > cut_before + 0.5 or reward < earned / 10 and chance_flat(now, past) < 1e-3
    ):
        return f"reward went from {earned:.3g} to {reward:.3g}"
    return ""


def chance_flat(now: Record, past: Past) -> float:
    """How likely it was that no group of a step without a signal has one; 1 for a step with a signal."""
    share = max(0.05, past.usual("zero_signal") or 0.0)
    return share ** (number(now, "groups") or 0.0) if number(now, "zero_signal") == 1 else 1.0


def graders(now: Record, past: Past) -> Finding | None:
    """Replies could not be graded."""
    share = (number(now, "failed") or 0.0) / (number(now, "replies") or math.inf)
    if share <= 0.05:
        return None
    return Finding(
        f"graders failed on {100 * share:.0f} % of the replies: see the reasons in the run's samples", share > 0.3
    )


def cut_off(now: Record, past: Past) -> Finding | None:
    """Replies do not get to their end."""
    share, longest = number(now, "truncated") or 0.0, number(now, "length_p90") or 0
    if share < 0.5:
        return None
    return Finding(
        f"{100 * share:.0f} % of replies are cut off at {longest:g} tokens: raise grpo.max_tokens",
        fatal=number(now, "zero_signal") == 1 and not solved(now, past),
    )


def collapse(now: Record, past: Past) -> Finding | None:
    """The policy has stopped to vary its replies."""
    is_now, at_first = number(now, "sampled_entropy", "entropy"), number(past.first, "sampled_entropy", "entropy")
    if is_now is None or at_first is None or is_now >= at_first / 20 or solved(now, past):
        return None
    words = f"replies hardly vary any more: entropy fell from {at_first:.3g} to {is_now:.2g}. Raise grpo.clip_high or grpo.kl"
    return Finding(words, fatal=is_now < 1e-3)


def no_signal(now: Record, past: Past) -> Finding | None:
    """No group has two different rewards, so there is nothing to learn from."""
    if number(now, "zero_signal") != 1:
        return None
    if solved(now, past):
        return Finding(
            "no signal, as every reply earns the most: nothing is left to learn, take harder problems", False
        )
    return Finding(
        f"no signal: within every group all replies earn the same (mean {number(now, 'reward') or 0.0:.3g}). Is the reward "
        f"constant, or the task far too hard?"
    )


def length_leak(now: Record, past: Past) -> Finding | None:
    """Longer replies earn more while they are no more often right."""
    # few replies correlate by chance
    if (number(now, "length_reward") or 0.0) < 0.4 + 2 / math.sqrt(number(now, "replies") or math.inf):
        return None
    first = past.streaks["length"].first if "length" in past.streaks else now
    parts = [name for name in ("reward/correct", "reward/formatted") if number(now, name) is not None]
    better = any((number(now, name) or 0.0) > (number(first, name) or 0.0) + RISE for name in parts)
    before, after = (number(record, "length_mean") or 0.0 for record in (first, now))
    return Finding(
        f"reward goes with length (correlation {now['length_reward']:.2f}), replies went from {before:.0f} to {after:.0f} "
        f"tokens: does a reward pay for length itself?",
        fatal=after > 1.2 * before and not better and "reward/correct" in parts,
    )


def deceived(now: Record, past: Past) -> Finding | None:
    """A learned reward that rises while the strict rule beside it falls: what reward hacking looks like (the R1 paper's
    figure 6 of v2). The gap between both may grow by DECEIT since the first step.
    """
    learned, strict = number(now, "reward/preferred"), number(now, "reward/strict")
    learned0, strict0 = number(past.first, "reward/preferred"), number(past.first, "reward/strict")
    if learned is None or strict is None or learned0 is None or strict0 is None:
        return None
    if strict >= strict0 or (learned - strict) - (learned0 - strict0) <= DECEIT:
        return None
    what = "is being deceived" if learned > learned0 else "does not see it"
    return Finding(
        f"the learned reward went from {learned0:.2f} to {learned:.2f} while the strict rule fell from {strict0:.2f} to "
        f"{strict:.2f}: the reward model {what}; take fewer steps, or lower its weight",
        fatal=False,
    )


def solved(now: Record, past: Past) -> bool:
    """The policy has learnt all there is: it is right nearly always or, where that is not known, earns its best reward."""
    correct, reward, first = number(now, "reward/correct"), number(now, "reward"), number(past.first, "reward")
    if not past.first:
        return False
    if correct is not None:
        return correct >= SOLVED
    return reward is not None and first is not None and reward > first and reward >= 0.95 * past.best > 0
