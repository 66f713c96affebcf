"""The curves of a stretch of training, from the rows of its metrics.jsonl and evals.jsonl.

The first three are those of the R1-Zero paper (arXiv 2501.12948, figures 2 and 3; v2, appendix C.2): accuracy, reply
length and words of reflection. A key that no row holds leaves its line out, and a chart without lines is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aha.figures import HEALTH, SECONDS, Spec, accuracy, lengths, reflection
from aha.record import Row, points
from aha.report.blocks import Chart
from aha.svg import Line

REWARDS: Spec = ("Reward", "Mean reward of a training reply.", {"reward": "reward"}, False)
WATCHED: Spec = (
    "Learned reward, watched",
    "Replies to general prompts. The strict rule teaches nothing: it falls when the reward model is deceived.",
    {"learned reward": "reward/preferred", "strict rule": "reward/strict"}, True,
)  # fmt: skip
SPEED: tuple[Spec, ...] = (
    ("Tokens a second", "While sampling, and while training.",
     {"sampling": "sampled_per_second", "training": "trained_per_second"}, False),
    ("Useful tokens", "Share of the tokens a training step computes that it learns from; the rest are prompts.",
     {"tokens": "useful_tokens"}, True),
)  # fmt: skip


def main(metrics: Sequence[Row], evals: Sequence[Row]) -> list[Chart]:
    """What a run is about."""
    words, base = reflection(metrics, evals)
    ended = Line("of those that ended", points(metrics, "length_whole"))
    charts = [
        Chart("Accuracy", "Share of right replies; bands and bars are 95 % intervals over questions.",
              _rough(accuracy(metrics, evals)), percent=True),
        *drawn(metrics, [REWARDS, WATCHED]),
        Chart("Reply length", "Tokens of a training reply.", _rough([*lengths(metrics), ended])),
        Chart("Reflection", "Words such as wait, but, check, wrong in a training reply.", _rough(words), base),
    ]  # fmt: skip
    return [chart for chart in charts if any(line.points for line in chart.lines)]


def health(metrics: Sequence[Row]) -> list[Chart]:
    """What goes wrong first when a run goes wrong, and how fast it went."""
    return drawn(metrics, [*HEALTH, *SPEED])


def time(metrics: Sequence[Row]) -> list[Chart]:
    """Where the seconds of each step went, if they were noted."""
    layers = [Line(label, points(metrics, f"seconds/{key}")) for label, key in SECONDS.items()]
    shown = [layer for layer in layers if layer.points]
    return [Chart("Seconds per step", "Stacked, first at the bottom.", shown, stacked=True)] if shown else []


def drawn(metrics: Sequence[Row], specs: Sequence[Spec]) -> list[Chart]:
    """The charts of these that the metrics have something for."""
    charts = []
    for title, note, keys, percent in specs:
        lines = [Line(label, found) for label, key in keys.items() if (found := points(metrics, key))]
        if lines:
            charts.append(Chart(title, note, _rough(lines), percent=percent))
    return charts


def _rough(lines: Sequence[Line]) -> list[Line]:
    return [line if line.bars else replace(line, rough=len(line.points) > 24) for line in lines if line.points]
