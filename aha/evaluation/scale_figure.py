"""Accuracy against cost as SVG: a line with its band for each method, a logarithmic axis, the Pareto front marked.

    front_chart("Accuracy against tokens", [Trace("vote", [(120, 0.31), (240, 0.36)], [(0.24, 0.39), (0.28, 0.44)])])

The band is the 95 % interval; a method of one size is a dot with a bar. Points on the front wear a ring and are joined by a
broad grey line. Beside `aha.svg`, whose axes count steps: the same colours, the same words under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aha.evaluation.equal_tokens import front
from aha.page import visible
from aha.svg import DASHES, PALETTE, nice_ticks, number

Point = tuple[float, float]
WIDTH, HEIGHT = 980.0, 560.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 230.0, 16.0, 44.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One method: its sizes as (cost, accuracy) in the order of cost, and the ends of each one's interval."""

    label: str
    points: Sequence[Point]
    bars: Sequence[Point]
    names: Sequence[str] = ()
    """What each point is called under the pointer."""
    is_real: bool = True
    """Whether anybody could do it: an oracle is drawn, and is not on the front."""


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from just below `low` to just above `high`: 1, 2 and 5 times powers of ten, or those alone.

    >>> log_ticks(30, 900)
    [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
    """
    steps = (1.0, 2.0, 5.0) if high / low < 3000 else (1.0,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [float(f"{step * 10.0**power:.6g}") for power in range(first, last + 1) for step in steps]
    start = max((i for i, tick in enumerate(every) if tick <= low * (1 + 1e-9)), default=0)
    end = min((i for i, tick in enumerate(every) if tick >= high * (1 - 1e-9)), default=len(every) - 1)
    return every[start : max(end, start + 1) + 1]


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where data lands on the paper."""

    x_ticks: list[float]
    y_ticks: list[float]

    def x(self, value: float) -> float:
        low, high = math.log(self.x_ticks[0]), math.log(self.x_ticks[-1])
        return round(LEFT + (math.log(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP), 1)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


def front_chart(title: str, traces: Sequence[Trace], x_label: str = "tokens a question") -> str:
    """The drawing as SVG text. Traces without points, and points that cost nothing, are left out."""
    traces = [kept for trace in traces if (kept := _costing(trace)).points]
    if not traces:
        return ""
    xs = [x for trace in traces for x, _ in trace.points]
    ys = [y for trace in traces for bar in trace.bars for y in bar]
    plot = _Plot(log_ticks(min(xs), max(xs)), nice_ticks(min(ys), max(ys), 7))
    every = [point for trace in traces if trace.is_real for point in trace.points]
    best = [every[i] for i in sorted(front(every), key=lambda i: every[i][0])]
    parts = [*_axes(plot, x_label), *_front(plot, best)]
    for draw in (_band, _line, _dots):
        for index, trace in enumerate(traces):
            parts += draw(plot, index, trace)
    parts += [f'<circle cx="{plot.x(x)}" cy="{plot.y(y)}" r="7" style="{RING}"/>' for x, y in best]
    parts += _legend(traces, bool(best))
    return _svg(title, _described(traces, best), parts)


RING = "fill:none;stroke:currentColor;stroke-width:1.6"


def _costing(trace: Trace) -> Trace:
    kept = [i for i, (x, _) in enumerate(trace.points) if x > 0]
    names = [trace.names[i] for i in kept] if trace.names else ()
    return replace(trace, points=[trace.points[i] for i in kept], bars=[trace.bars[i] for i in kept], names=names)


def _look(index: int) -> tuple[str, str]:
    """A colour and a dash that no other of the first 36 traces shares."""
    slot = index % len(PALETTE)
    return f"var(--c{slot},{PALETTE[slot]})", DASHES[index // len(PALETTE) % len(DASHES)]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{visible(text)}</text>'


def _axes(plot: _Plot, x_label: str) -> Iterator[str]:
    floor, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    grid = 'style="stroke:var(--grid,#d8d8d8)"'
    for tick in plot.y_ticks:
        yield f'<path d="M{LEFT} {plot.y(tick)}H{end}" {grid}/>'
        yield _text(LEFT - 6, plot.y(tick) + 4, f"{round(100 * tick, 6):g} %", "end")
    for tick in plot.x_ticks:
        yield f'<path d="M{plot.x(tick)} {TOP}V{floor}" {grid}/>'
        yield _text(plot.x(tick), floor + 16, number(tick) if tick < 1e7 else f"{tick:.0e}", "middle")
    yield _text((LEFT + end) / 2, HEIGHT - 8, f"{x_label} (logarithmic)", "middle")


def _front(plot: _Plot, best: Sequence[Point]) -> Iterator[str]:
    style = "fill:none;stroke:currentColor;stroke-opacity:.18;stroke-width:9;stroke-linejoin:round"
    if len(best) > 1:
        yield f'<polyline points="{plot.path(best)}" style="{style}"/>'


def _band(plot: _Plot, index: int, trace: Trace) -> Iterator[str]:
    if len(trace.points) > 1:
        xs = [x for x, _ in trace.points]
        low, high = ([(x, bar[side]) for x, bar in zip(xs, trace.bars, strict=True)] for side in (0, 1))
        outline = plot.path([*low, *reversed(high)])
        yield f'<polygon points="{outline}" style="fill:{_look(index)[0]};fill-opacity:.05;stroke:none"/>'


def _line(plot: _Plot, index: int, trace: Trace) -> Iterator[str]:
    colour, dash = _look(index)
    if len(trace.points) > 1:
        style = f"fill:none;stroke:{colour};stroke-width:1.8;stroke-dasharray:{dash or 'none'}"
        yield f'<polyline points="{plot.path(trace.points)}" style="{style}"/>'


def _dots(plot: _Plot, index: int, trace: Trace) -> Iterator[str]:
    colour, _ = _look(index)
    for place, ((x, y), (low, high)) in enumerate(zip(trace.points, trace.bars, strict=True)):
        name = trace.names[place] if trace.names else trace.label
        said = f"{name}, {number(round(x)) if x < 1e7 else f'{x:.2e}'}: {number(y, True)} ({number(low, True)} to {number(high, True)})"
        bar = ""
        if len(trace.points) == 1:
            bar = f'<path d="M{plot.x(x)} {plot.y(low)}V{plot.y(high)}" style="stroke:{colour};stroke-width:1.4"/>'
        dot = f'<circle cx="{plot.x(x)}" cy="{plot.y(y)}" r="3.4" style="fill:{colour}"/>'
        yield f"<g><title>{visible(said)}</title>{bar}{dot}</g>"


def _legend(traces: Sequence[Trace], has_front: bool) -> Iterator[str]:
    x, y = WIDTH - RIGHT + 18, TOP + 8
    for index, trace in enumerate(traces):
        colour, dash = _look(index)
        line = f"stroke:{colour};stroke-width:2;stroke-dasharray:{dash or 'none'}"
        if len(trace.points) > 1:
            yield f'<path d="M{x} {y - 4}h26" style="{line}"/>'
        yield f'<circle cx="{x + 13}" cy="{y - 4}" r="3.4" style="fill:{colour}"/>'
        yield _text(x + 34, y, trace.label)
        y += 19
    if has_front:
        yield f'<circle cx="{x + 13}" cy="{y - 4}" r="7" style="{RING}"/>'
        yield _text(x + 34, y, "on the Pareto front")


def _described(traces: Sequence[Trace], best: Sequence[Point]) -> str:
    said = [f"{t.label}: {number(t.points[-1][1], True)} at {number(round(t.points[-1][0]))}." for t in traces]
    return " ".join([*said, f"{len(best)} points are on the Pareto front."])


def _svg(title: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'aria-label="{visible(title)}" style="font:12px system-ui,sans-serif;fill:currentColor">'
        f"<title>{visible(title)}</title><desc>{visible(description)}</desc>{''.join(parts)}</svg>"
    )
