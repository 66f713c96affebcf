"""What a terminal shows while a run trains: the stage, how far it is, the time left, and its curves so far."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

BARS = " ▁▂▃▄▅▆▇█"
CURVES = {
    "reward": ("reward", "{:.2f}"), "reward/correct": ("right", "{:.0%}"), "length_mean": ("length", "{:.0f}"),
    "truncated": ("cut off", "{:.0%}"), "reflection": ("reflection", "{:.2f}"), "loss": ("loss", "{:.3f}"),
    "accuracy": ("right", "{:.0%}"),
}  # fmt: skip
"""Which numbers of a step's record are drawn, under which name and how they are written."""
SPEEDS = {"sampled_per_second": "sampling", "trained_per_second": "training"}
RECENT = 20
"""Steps whose pace says how long the others will take."""


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> str:
    """Values as a row of bars, squeezed into `width` columns by averaging neighbours."""
    if not values:
        return ""
    columns = min(width, len(values))
    edges = [round(i * len(values) / columns) for i in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in zip(edges, edges[1:], strict=False)]
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[max(0, min(len(BARS) - 1, round((value - low) * scale)))] for value in means)


def clock(seconds: float) -> str:
    """0:07, 12:30, 1:02:03"""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class Panel:
    """The state of a stage; rich asks it for its picture several times a second."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, stage: str) -> None:
        """Another stage: everything starts anew."""
        self.stage, self.began = stage, time.monotonic()
        self.at, self.of = 0, 0
        self.curves: dict[str, list[float]] = {}
        self.speeds: dict[str, float] = {}
        self.beats: deque[tuple[float, int]] = deque(maxlen=RECENT)

    def step(self, record: dict[str, Any], steps: int) -> None:
        """Take in what a step measured."""
        self.at, self.of = int(record["step"]), steps
        self.beats.append((time.monotonic(), self.at))
        for key in CURVES:
            number = record.get(key)
            told = key != "loss" or "reward" not in record  # where there are rewards it says nothing
            if told and isinstance(number, int | float) and math.isfinite(number):
                self.curves.setdefault(key, []).append(number)
        self.speeds = {name: record[key] for key, name in SPEEDS.items() if key in record}

    @property
    def left(self) -> float | None:
        """Seconds until the last step, by the pace of the last few; None before there is one."""
        (first, start), (last, now) = (self.beats[0], self.beats[-1]) if self.beats else ((0.0, 0), (0.0, 0))
        return (last - first) / (now - start) * (self.of - now) if now > start else None

    def picture(self, width: int) -> RenderableType:
        """The panel as it is now, in so many columns."""
        title = Text.assemble((self.stage or "training", "bold"), f"  {self._times()}")
        return Frame(Group(*self._lines(max(20, width - 4))), title=title, title_align="left", border_style="dim")

    def _times(self) -> str:
        gone, left = clock(time.monotonic() - self.began), self.left
        ahead = f", about {clock(left)} left" if left is not None and self.at < self.of else ""
        return (f"step {self.at} of {self.of}  " if self.of else "") + f"{gone} gone{ahead}"

    def _lines(self, width: int) -> Iterator[RenderableType]:
        if self.of:
            done = round(width * min(1.0, self.at / self.of))
            yield Text.assemble(("━" * done, "green"), ("━" * (width - done), "dim"))
        rows = Table.grid(padding=(0, 1))
        for key, values in list(self.curves.items()):  # the run adds to it meanwhile
            name, form = CURVES[key]
            high = 1.0 if form.endswith("%}") else max(*values, 1e-9)
            curve = sparkline(values, max(8, width - 28), min(0.0, *values), high)
            rows.add_row(
                Text(name, style="dim"), form.format(values[0]), curve, Text(form.format(values[-1]), style="bold")
            )
        if rows.row_count:
            yield rows
        if self.speeds:
            told = "   ".join(f"{name} {speed:,.0f}" for name, speed in self.speeds.items())
            yield Text(f"tokens a second   {told}", style="dim", no_wrap=True)
        if not self.of:
            yield Text("at work", style="dim")
