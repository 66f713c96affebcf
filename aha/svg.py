"""Small charts as SVG text: lines with interval bars and a dashed reference, and stacked areas.

    line_chart("Accuracy", [Line("pass@1", [(0, 0.31), (25, 0.64)], bars=[(0.28, 0.34), (0.61, 0.67)])], percent=True)

Colours are CSS variables (--c0 ... --c5, --grid) with fallbacks, so that a page can darken them; each is at least
3:1 against white, and lines also differ in their dashes, for eyes that see colours differently. Every mark that stands
for a measurement carries its numbers as a <title>, which browsers show under the pointer and read aloud.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aha.page import visible

PALETTE = ("#0072b2", "#c24e00", "#00795a", "#a8487f", "#8a6100", "#5550c8")
"""Okabe and Ito's colours, darkened for thin lines on white."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "1 2")
MOST_POINTS = 240
"""Longer lines are drawn as means of neighbours: the chart has no more pixels."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. With `bars` (low and high for each point) or `dots`, each point is marked and carries its numbers.

    A `rough` one that goes up and down from step to step is drawn faintly under its running mean.
    """

    label: str
    points: Sequence[Point]
    bars: Sequence[Point] = ()
    dots: bool = False
    rough: bool = False


def nice_ticks(low: float, high: float, most: int = 6, whole: bool = False) -> list[float]:
    """At most about `most` round numbers (1, 2 or 5 times a power of ten) that cover low to high."""
    if not high > low:
        high = low + 1
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    step = max(1.0, round(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def number(value: float, percent: bool = False) -> str:
    """A value in words a reader takes in at a glance: 64.2 %, 1,234, 0.0312, 2e-06."""
    if percent:
        return f"{100 * value:.1f} %"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.2g}" if size < 1e-3 else f"{value:.3g}"


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` points: means of neighbouring ones."""
    size = math.ceil(len(points) / most) or 1
    groups = (points[start : start + size] for start in range(0, len(points), size))
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def running_mean(points: Sequence[Point]) -> list[Point]:
    """Each value as the mean of those around it, a twelfth of the curve wide; fewer at its ends."""
    reach = len(points) // 24
    near = (points[max(0, i - reach) : i + reach + 1] for i in range(len(points)))
    return [(x, sum(y for _, y in part) / len(part)) for (x, _), part in zip(points, near, strict=True)]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where data lands on the paper."""

    x_ticks: list[float]
    x_range: Point
    y_ticks: list[float]
    width: float
    height: float
    top: float
    left: float = 52
    right: float = 62
    bottom: float = 36

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(self.left + (value - low) / (high - low) * (self.width - self.left - self.right), 1)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        floor = self.height - self.bottom
        return round(floor - (value - low) / (high - low) * (floor - self.top), 1)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    reference: tuple[str, float] | None = None,
    percent: bool = False,
    size: Point = (440, 250),
) -> str:
    """Lines over steps. `reference` is a dashed level with its name. Lines without points are left out."""
    drawn = [x if x.bars or x.dots else replace(x, points=thin(x.points)) for x in lines if x.points]
    values = [y for line in drawn for _, y in line.points] + [y for line in drawn for bar in line.bars for y in bar]
    levels = [reference] if reference else []
    values += [level for _, level in levels]
    legend, top = _legend([*(line.label for line in drawn), *(name for name, _ in levels)], size[0], bool(reference))
    frame = _frame([x for line in drawn for x, _ in line.points], values, size, top, percent)
    parts = [legend, *_axes(frame, percent)]
    if reference:
        y = frame.y(reference[1])
        parts.append(_stroke("line", f'x1="{frame.left}" x2="{size[0] - frame.right}" y1="{y}" y2="{y}"', None, "5 4"))
    for index, line in enumerate(drawn):
        parts += _curve(frame, index, line, percent)
    ends = [replace(line, points=running_mean(line.points)) if line.rough else line for line in drawn]
    parts += _end_labels(frame, ends, percent)
    return _svg(title, _describe(ends, reference, percent), parts, size)


def area_chart(title: str, layers: Sequence[Line], *, size: Point = (440, 250)) -> str:
    """Layers stacked on one another, first at the bottom. A layer counts as zero where it has no point."""
    layers = [layer for layer in layers if layer.points]
    steps = sorted({x for layer in layers for x, _ in layer.points})
    tables = [dict(layer.points) for layer in layers]
    sums = [[sum(table.get(x, 0.0) for table in tables[:depth]) for x in steps] for depth in range(len(layers) + 1)]
    edges = [thin(list(zip(steps, row, strict=True))) for row in sums]
    legend, top = _legend([layer.label for layer in layers], size[0], blocks=True)
    frame = _frame(steps, sums[-1], size, top, False)
    parts = [legend, *_axes(frame, False)]
    for index, (below, above) in enumerate(zip(edges, edges[1:], strict=False)):
        outline = frame.path([*below, *reversed(above)])
        colour = _colour(index)
        parts.append(f'<polygon points="{outline}" style="fill:{colour};fill-opacity:.75;stroke:{colour}"/>')
    return _svg(title, _describe(layers, None, False), parts, size)


def _frame(xs: Sequence[float], ys: Sequence[float], size: Point, top: float, percent: bool) -> _Frame:
    low, high = min([0.0, *ys]), max([*ys, 0.0])
    if percent and low == 0 and high <= 1:
        high = max(high, 0.05)
    first, last = min(xs, default=0.0), max(xs, default=1.0)
    last = last if last > first else first + 1
    x_ticks = [tick for tick in nice_ticks(first, last, 6, whole=True) if first <= tick <= last]
    return _Frame(x_ticks, (first, last), nice_ticks(low, high), size[0], size[1], top)


def _colour(index: int) -> str:
    slot = index % len(PALETTE)
    return f"var(--c{slot},{PALETTE[slot]})"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{visible(text)}</text>'


def _stroke(shape: str, where: str, index: int | None, dash: str = "", width: float = 1.8) -> str:
    colour = "currentColor" if index is None else _colour(index)
    dashes = f";stroke-dasharray:{dash}" if dash else ""
    return f'<{shape} {where} style="fill:none;stroke:{colour};stroke-width:{width}{dashes}"/>'


def _axes(frame: _Frame, percent: bool) -> Iterator[str]:
    end, floor = frame.width - frame.right, frame.height - frame.bottom
    for tick in frame.y_ticks:
        y = frame.y(tick)
        yield f'<path d="M{frame.left} {y}H{end}" style="stroke:var(--grid,#d8d8d8)"/>'
        yield _text(frame.left - 6, y + 4, f"{round(100 * tick, 6):g} %" if percent else number(tick), "end")
    for tick in frame.x_ticks:
        yield _text(frame.x(tick), floor + 15, number(tick), "middle")
    yield _text((frame.left + end) / 2, frame.height - 5, "step", "middle")


def _curve(frame: _Frame, index: int, line: Line, percent: bool) -> Iterator[str]:
    points, dash = line.points, DASHES[index % len(DASHES)]
    if line.bars and len(points) > 1:
        ends = [[(x, bar[side]) for (x, _), bar in zip(points, line.bars, strict=True)] for side in (0, 1)]
        band = frame.path([*ends[0], *reversed(ends[1])])
        yield f'<polygon points="{band}" style="fill:{_colour(index)};fill-opacity:.14"/>'
    if line.rough:
        where = f'points="{frame.path(points)}"'
        yield f'<g style="opacity:.35">{_stroke("polyline", where, index, width=1)}</g>'
        points = running_mean(points)
    yield _stroke("polyline", f'points="{frame.path(points)}"', index, dash, width=2)
    if not (line.bars or line.dots or len(line.points) == 1):
        return
    for place, (x, y) in enumerate(line.points):
        said = f"{line.label}, {number(x)}: {number(y, percent)}"
        bar = ""
        if line.bars:
            low, high = line.bars[place]
            said += f" ({number(low, percent)} to {number(high, percent)})"
            bar = _stroke("path", f'd="M{frame.x(x)} {frame.y(low)}V{frame.y(high)}"', index, width=1.4)
        dot = f'<circle cx="{frame.x(x)}" cy="{frame.y(y)}" r="3.2" style="fill:{_colour(index)}"/>'
        yield f"<g><title>{visible(said)}</title>{bar}{dot}</g>"


def _end_labels(frame: _Frame, lines: Sequence[Line], percent: bool) -> Iterator[str]:
    """Each line's last value beside its end, pushed apart where they would overlap."""
    floor = -math.inf
    x = frame.width - frame.right
    for y, index, value in sorted((frame.y(line.points[-1][1]), i, line.points[-1][1]) for i, line in enumerate(lines)):
        floor = max(y, floor + 13)
        yield f'<path d="M{x + 3} {floor}h6" style="stroke:{_colour(index)};stroke-width:2.5"/>'
        yield _text(x + 12, floor + 4, number(value, percent))


def _legend(labels: Sequence[str], width: float, dashed_last: bool = False, blocks: bool = False) -> tuple[str, float]:
    """The legend in as many rows as it needs, none for a single line, and where the plot may begin below it."""
    if len(labels) < 2:
        return "", 12
    parts, x, y = [], 8.0, 14.0
    for index, label in enumerate(labels):
        room = 40 + 6.6 * len(label)
        if x > 8 and x + room > width:
            x, y = 8.0, y + 16
        reference = dashed_last and index == len(labels) - 1
        dash = "5 4" if reference else "" if blocks else DASHES[index % len(DASHES)]
        where = f'd="M{x} {y - 4}h20"'
        parts.append(_stroke("path", where, None if reference else index, dash, 9 if blocks else 2))
        parts.append(_text(x + 25, y, label))
        x += room
    return "".join(parts), y + 14


def _describe(lines: Sequence[Line], reference: tuple[str, float] | None, percent: bool) -> str:
    said = []
    for line in lines:
        (x0, y0), (x1, y1) = line.points[0], line.points[-1]
        said.append(f"{line.label}: {number(y0, percent)} at {number(x0)}, {number(y1, percent)} at {number(x1)}.")
    if reference:
        said.append(f"{reference[0]}: {number(reference[1], percent)}.")
    return " ".join(said)


def _svg(title: str, description: str, parts: Sequence[str], size: Point) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {size[0]} {size[1]}" '
        f'aria-label="{visible(title)}" style="font:12px system-ui,sans-serif;fill:currentColor">'
        f"<title>{visible(title)}</title><desc>{visible(description)}</desc>{''.join(parts)}</svg>"
    )
