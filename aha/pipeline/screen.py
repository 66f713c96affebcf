"""What a run shows while it runs: a panel with its curves on a terminal, a line a step elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from aha.pipeline.panel import Panel

REFRESH = 2.0
"""Times a second that the panel is drawn: the run needs the cores."""


class Screen:
    """Prints notes and evaluations; steps stay in a panel at the bottom of a terminal, and are lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.panel = Panel()
        self.live = (
            Live(console=self.console, get_renderable=self._picture, refresh_per_second=REFRESH, transient=True)
            if self.console.is_terminal
            else None
        )

    def __enter__(self) -> Screen:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def _picture(self) -> RenderableType:
        return self.panel.picture(self.console.width)

    def note(self, text: str) -> None:
        """A sentence about the run."""
        self.console.print(Text(text))

    def stage(self, name: str, how: str = "") -> None:
        """A stage begins; its curves start anew."""
        self.panel.begin(name)
        self.console.print(Text(f"\n{name}{': ' + how if how else ''}", style="bold"))

    def learn(self, record: dict[str, Any], steps: int) -> None:
        """One step of fine-tuning or of a reward model: for the panel alone."""
        self.panel.step(record, steps)

    def step(self, record: dict[str, Any], steps: int) -> None:
        """One step of reinforcement."""
        self.panel.step(record, steps)
        if self.live:
            return
        accuracy = record.get("reward/correct", record["reward"])
        line = (
            f"step {record['step']:>3}/{steps}  right {accuracy:4.0%}  length {record['length_mean']:4.0f}  "
            f"reflection {record['reflection']:4.2f}  cut off {record['truncated']:3.0%}  {record['seconds/step']:4.1f} s"
        )
        self.console.print(Text(line, no_wrap=True, overflow="ellipsis"))

    def evaluation(self, step: int, summary: dict[str, Any]) -> None:
        """An evaluation on held-out problems."""
        [(k, votes)] = summary["cons@k"].items()
        margin = (summary["pass@1_high"] - summary["pass@1_low"]) / 2
        self.note(
            f"test after step {step}: pass@1 {summary['pass@1']:.1%} ± {margin:.1%}, votes of {k} {votes:.1%} "
            f"({summary['questions']} questions x {summary['samples']}, {summary['seconds']:.0f} s)"
        )
