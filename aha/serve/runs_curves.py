"""The curves of a run as numbers, read again only where its logs have grown."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from aha.figures import HEALTH, accuracy, lengths, reflection
from aha.record import Row, by_step, points, value
from aha.svg import Line, number, thin

KEPT = 16
"""Logs that stay in memory."""
LONGEST = 256 << 20
"""Bytes of a log that are read at a time."""
OTHERS = (
    ("Reward", "Mean over the replies of a step.", {"reward": "reward"}, False),
    ("Learned reward", "Replies to general prompts. When the strict rule falls, the reward model is being deceived.",
     {"learned": "reward/preferred", "strict rule": "reward/strict"}, True),
    ("Loss", "Nats per token of the examples, or of the choices of a reward model.", {"loss": "loss"}, False),
    ("Choices right", "Share of training choices that a reward model gets right.", {"choices": "accuracy"}, True),
    ("Tokens a second", "While sampling and while training.",
     {"sampled": "sampled_per_second", "trained": "trained_per_second"}, False),
    ("Useful tokens", "Share of computed tokens that are no padding.", {"useful": "useful_tokens"}, True),
    ("Seconds a step", "", {"all": "seconds/step", "sampling": "seconds/sample", "training": "seconds/train"}, False),
)  # fmt: skip
BEFORE_HEALTH = 2
"""So many of these stand before the charts of health; all, where nothing was rewarded."""


class Tail:
    """A log of JSON records that is read as it grows. Lines that cannot be read are counted and left out."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._forget()

    def _forget(self) -> None:
        self.rows: list[Row] = []
        self.at, self.inode, self.bad = 0, -1, 0

    def read(self) -> None:
        """Take up what was written since the last time; all, where the file is another one or was cut."""
        try:
            with self.file.open("rb") as stream:
                inode = self.file.stat().st_ino
                if inode != self.inode or self.file.stat().st_size < self.at:
                    self._forget()
                    self.inode = inode
                stream.seek(self.at)
                data = stream.read(LONGEST)
        except OSError:
            self._forget()
            return
        whole = data[: data.rfind(b"\n") + 1]
        self.at += len(whole)
        for line in whole.splitlines():
            try:
                self.rows.append(dict(json.loads(line)))
            except (ValueError, TypeError, RecursionError):
                self.bad += 1

    @property
    def version(self) -> str:
        """Changes whenever the rows do."""
        return f"{self.inode}.{self.at}"


class Tails:
    """The logs that were asked for lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tails: OrderedDict[Path, Tail] = OrderedDict()

    def of(self, folder: Path) -> tuple[Tail, Tail]:
        """The metrics and evaluations of a run folder, as they are now."""
        with self._lock:
            found = []
            for name in ("metrics.jsonl", "evals.jsonl"):
                tail = self._tails.setdefault(folder / name, Tail(folder / name))
                self._tails.move_to_end(folder / name)
                tail.read()
                found.append(tail)
            while len(self._tails) > KEPT:
                self._tails.popitem(last=False)
            return found[0], found[1]


def charts(metrics: Sequence[Row], evals: Sequence[Row], extra: str = "") -> list[dict[str, Any]]:
    """Every chart that the logs give, as lines of points. `extra` is the name of one more measure to draw."""
    metrics = by_step(metrics)
    words, base = reflection(metrics, evals)
    drawn = [
        chart("Accuracy", "Share of right replies; bars are 95 % intervals over questions.", accuracy(metrics, evals), True),
        chart("Reply length", "Tokens of a training reply.", lengths(metrics)),
        chart("Reflection", "Words such as wait, but, check, wrong in a training reply.", words, level=base),
    ]  # fmt: skip
    first = BEFORE_HEALTH if points(metrics, "reward") else len(OTHERS)
    tables = (*OTHERS[:first], *HEALTH, *OTHERS[first:])
    for title, note, keys, percent in tables:
        lines = [Line(label, points(metrics, key)) for label, key in keys.items()]
        drawn.append(chart(title, note, lines, percent))
    if extra:
        drawn.insert(0, chart(extra, "", [Line(extra, points(metrics, extra))]))
    return [found for found in drawn if found["lines"]]


def chart(
    title: str, note: str, lines: Sequence[Line], percent: bool = False, level: tuple[str, float] | None = None
) -> dict[str, Any]:
    """One chart. Lines without points are left out; long ones become means of neighbours."""
    told = []
    for line in lines:
        if line.points:
            found = line.points if line.bars else thin(line.points)
            last = number(line.points[-1][1], percent)
            told.append({"label": line.label, "points": found, "bars": list(line.bars), "last": last})
    dashed = {"label": level[0], "value": level[1]} if level else None
    return {"title": title, "note": note, "percent": percent, "lines": told, "level": dashed}


def measures(metrics: Sequence[Row]) -> list[str]:
    """The names of all numbers in the newest rows."""
    names = {name for row in metrics[-50:] for name in row if value(row, name) is not None}
    return sorted(names - {"step", "time", "steps"})


def seconds_left(metrics: Sequence[Row], steps: int) -> float | None:
    """How long the remaining steps take at the pace of the last twenty."""
    last = by_step(metrics[-20:])
    pace = [found for row in last if (found := value(row, "seconds/step")) is not None]
    if not pace or not steps:
        return None
    return max(0.0, steps - last[-1]["step"]) * fmean(pace)
