"""What training changed, in words."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from aha.record import Row, Run, points
from aha.report.blocks import Finding
from aha.svg import number


def ends(metrics: Sequence[Row], key: str) -> tuple[float, float] | None:
    """Means over the first and the last tenth of a curve, at most 20 steps: one step alone is noise."""
    found = [y for _, y in points(metrics, key)]
    size = max(1, min(20, len(found) // 10))
    return (fmean(found[:size]), fmean(found[-size:])) if found else None


def changes(run: Run) -> list[Finding]:
    """What training changed in the replies, in words."""
    found = []
    for title, key, unit in (("Reward", "reward", ""), ("Replies", "length_mean", " tokens")):
        if moved := ends(run.metrics, key):
            found.append(Finding("note", f"{title} {_verb(*moved)}:", f"{from_to(moved, unit)} in training."))
    words, base = ends(run.metrics, "reflection"), ends(run.metrics, "reflection_base")
    if words:
        beside = f"; the base model has {number(base[0])}" if base else ""
        found.append(Finding("note", f"Words of reflection {_verb(*words)}:", f"{from_to(words, ' a reply')}{beside}."))
    if loss := ends(run.metrics, "loss") if not points(run.metrics, "reward") else None:
        found.append(Finding("note", f"Loss {_verb(*loss)}:", f"{from_to(loss, ' nats a token')}."))
    return found


def _verb(first: float, last: float) -> str:
    if abs(last - first) <= 0.05 * max(abs(first), abs(last)):
        return "stayed"
    return "rose" if last > first else "fell"


def from_to(moved: tuple[float, float], unit: str, percent: bool = False) -> str:
    """from 25.2 to 92.3 tokens"""
    return f"from {number(moved[0], percent)} to {number(moved[1], percent)}{unit}"
