"""The lines of an RL run, from the rows of its `metrics.jsonl` and `evals.jsonl`, and a picture of them.

They are those of the R1-Zero paper (arXiv 2501.12948, figures 2 and 3; v2, appendix C.2): accuracy, reply length and
words of reflection over steps. A key that no row holds leaves its line out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aha.errors import AhaError
from aha.page import plain
from aha.record import Row, by_step, first_try, majority, points, tasks, value
from aha.stats import Interval
from aha.svg import PALETTE, Line


def accuracy(metrics: Sequence[Row], evals: Sequence[Row]) -> list[Line]:
    """Accuracy on the training prompts, and each task's evaluations with their intervals."""
    lines = [Line("training", points(metrics, "reward/correct"))]
    groups = tasks(evals)
    for task, rows in groups.items():
        suffix = f", {task[:40]}" if len(groups) > 1 else ""
        tries = [(row["step"], found) for row in rows if (found := first_try(row))]
        votes = [(row["step"], *vote) for row in rows if (vote := majority(row))]
        lines.append(_marked(f"pass@1{suffix}", tries))
        if votes:
            sizes = sorted({k for _, k, _ in votes})
            name = f"cons@{sizes[0]}" if len(sizes) == 1 else f"cons@{sizes[0]} to {sizes[-1]}"
            lines.append(_marked(f"{name}{suffix}", [(step, found) for step, _, found in votes]))
    return [line for line in lines if line.points]


def _marked(label: str, found: Sequence[tuple[float, Interval]]) -> Line:
    return Line(label, [(step, x.mean) for step, x in found], bars=[(x.low, x.high) for _, x in found])


def lengths(metrics: Sequence[Row]) -> list[Line]:
    """Tokens of a reply: the mean, and what nine in ten stay below."""
    lines = [Line("mean", points(metrics, "length_mean")), Line("90th percentile", points(metrics, "length_p90"))]
    return [line for line in lines if line.points]


def reflection(metrics: Sequence[Row], evals: Sequence[Row]) -> tuple[list[Line], tuple[str, float] | None]:
    """Words of reflection a reply, and the base model's rate, without which the rise means nothing."""
    line = Line("words per reply", points(metrics, "reflection"))
    rates = [rate for _, rate in points(metrics, "reflection_base")]
    rates += [rate for row in by_step(evals)[:1] if row["step"] == 0 and (rate := value(row, "reflection")) is not None]
    return ([line] if line.points else []), (("base model", rates[0]) if rates else None)


Spec = tuple[str, str, Mapping[str, str], bool]
"""A chart: its title, how to read it, the key of each line by its label, and whether its values are shares."""
HEALTH: tuple[Spec, ...] = (
    ("Entropy", "Nats per token. A fall to zero ends exploration.", {"policy": "entropy"}, False),
    ("KL", "Nats per token, away from the reference model.", {"policy": "kl"}, False),
    ("Sampling gap", "Difference between the sampler's and the trainer's log-probability of a token.",
     {"mean": "gap_mean", "largest": "gap_max"}, False),
    ("No signal", "Share of prompts whose replies all earned the same.", {"prompts": "zero_signal"}, True),
    ("Cut off", "Share of replies that ran out of tokens.", {"replies": "truncated"}, True),
    ("Mixed language", "Share of replies in two languages.", {"replies": "mixed_language"}, True),
    ("Gradient norm", "Before clipping.", {"norm": "grad_norm"}, False),
    ("Clipped", "Share of tokens beyond the clip range.", {"tokens": "clipped"}, True),
)  # fmt: skip
"""What goes wrong first when a run goes wrong."""
SECONDS = {"sampling": "sample", "reward": "reward", "training": "train", "other": "other"}
"""Where the seconds of a step go."""


def save_panels(metrics: Sequence[Row], evals: Sequence[Row], path: Path) -> None:
    """Accuracy, reply length and reflection side by side, as a picture file by matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AhaError("a PNG needs matplotlib: pip install matplotlib") from error
    words, base = reflection(metrics, evals)
    drawing = Figure(figsize=(12, 3.6), layout="constrained")
    panels = (
        ("Accuracy", accuracy(metrics, evals), None, 100),
        ("Reply length (tokens)", lengths(metrics), None, 1),
        ("Words of reflection per reply", words, base, 1),
    )
    for axes, (title, lines, level, scale) in zip(drawing.subplots(1, 3), panels, strict=True):
        _panel(axes, lines, level, scale)
        axes.set(title=title + (" (%)" if scale == 100 else ""), xlabel="step")
    drawing.savefig(path, dpi=150, metadata={"Software": None})


def _panel(axes: Any, lines: Sequence[Line], level: tuple[str, float] | None, scale: float) -> None:
    for index, line in enumerate(lines):
        steps, heights = [x for x, _ in line.points], [y * scale for _, y in line.points]
        style: dict[str, Any] = {"color": PALETTE[index % len(PALETTE)], "label": plain(line.label).replace("$", r"\$")}
        if line.bars:
            ends = [(low * scale, high * scale) for low, high in line.bars]
            reach = [[max(0.0, y - low) for y, (low, _) in zip(heights, ends, strict=True)],
                     [max(0.0, high - y) for y, (_, high) in zip(heights, ends, strict=True)]]  # fmt: skip
            axes.errorbar(steps, heights, yerr=reach, marker="o", markersize=4, capsize=3, **style)
        else:
            axes.plot(steps, heights, marker="o" if len(steps) == 1 else "", **style)
    if level:
        axes.axhline(level[1], color="0.4", linestyle="--", label=level[0])
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if lines or level:
        axes.legend(framealpha=0.9, edgecolor="none", fontsize=8)  # readable where it lies on a line
