"""What a run shows while it runs: a line a step and, on a terminal, the curves so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

BARS = " ▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> str:
    """Values as a row of bars, squeezed into `width` columns by averaging neighbours."""
    if not values:
        return ""
    columns = min(width, len(values))
    edges = [round(i * len(values) / columns) for i in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in zip(edges, edges[1:], strict=False)]
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[max(0, min(len(BARS) - 1, round((value - low) * scale)))] for value in means)


class Screen:
    """Prints notes, steps and evaluations; on a terminal the three curves of R1-Zero stay at the bottom."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.accuracy: list[float] = []
        self.length: list[float] = []
        self.reflection: list[float] = []
        self.live = (
            Live(console=self.console, auto_refresh=False, transient=False) if self.console.is_terminal else None
        )

    def __enter__(self) -> Screen:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def note(self, text: str) -> None:
        """A sentence about the run."""
        self.console.print(Text(text))

    def stage(self, name: str, how: str = "") -> None:
        """A stage begins; its curves start anew."""
        self.accuracy, self.length, self.reflection = [], [], []
        self.console.print(Text(f"\n{name}{': ' + how if how else ''}", style="bold"))

    def step(self, record: dict[str, Any], steps: int) -> None:
        """One step of training."""
        accuracy = record.get("reward/correct", record["reward"])
        self.accuracy.append(accuracy)
        self.length.append(record["length_mean"])
        self.reflection.append(record["reflection"])
        line = (
            f"step {record['step']:>3}/{steps}  right {accuracy:4.0%}  length {record['length_mean']:4.0f}  "
            f"reflection {record['reflection']:4.2f}  cut off {record['truncated']:3.0%}  {record['seconds/step']:4.1f} s"
        )
        self.console.print(Text(line, no_wrap=True, overflow="ellipsis"))
        if self.live:
            self.live.update(self.curves(), refresh=True)

    def evaluation(self, step: int, summary: dict[str, Any]) -> None:
        """An evaluation on held-out problems."""
        [(k, votes)] = summary["cons@k"].items()
        margin = (summary["pass@1_high"] - summary["pass@1_low"]) / 2
        self.note(
            f"test after step {step}: pass@1 {summary['pass@1']:.1%} ± {margin:.1%}, votes of {k} {votes:.1%} "
            f"({summary['questions']} questions x {summary['samples']}, {summary['seconds']:.0f} s)"
        )

    def curves(self) -> RenderableType:
        """Accuracy, length and reflection over the steps so far."""
        width = max(8, self.console.width - 30)
        rows = (
            ("right", self.accuracy, 1.0, "{:.0%}"),
            ("length", self.length, max(self.length), "{:.0f}"),
            ("reflection", self.reflection, max(*self.reflection, 1e-9), "{:.2f}"),
        )
        return Group(
            *(
                Text(
                    f"{name:<11}{form.format(v[0]):>5} {sparkline(v, width, 0, high)} {form.format(v[-1])}",
                    no_wrap=True,
                )
                for name, v, high, form in rows
            )
        )
