"""A report as Markdown: the same blocks, curves as a row of block characters, replies in fences they cannot leave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aha.pipeline.account import Sheet
from aha.pipeline.reproduction import cell, ends_of, fenced, sparkline, table
from aha.report.blocks import (
    Block,
    Chart,
    Charts,
    Document,
    Facts,
    Findings,
    Fold,
    Listing,
    Replies,
    Result,
    Table,
    Text,
)  # fmt: skip
from aha.svg import Line, number


def markdown(told: Document) -> str:
    """The whole page."""
    parts = [f"# {cell(told.title)}", cell(told.about)]
    for section in told.sections:
        if section.blocks:
            parts += [f"## {cell(section.title)}", *lines(section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def lines(blocks: Sequence[Block]) -> Iterator[str]:
    """Each block's paragraphs."""
    for one in blocks:
        yield from _lines(one)


def _lines(one: Block) -> Iterator[str]:
    match one:
        case Text():
            yield re.sub(r"^([#>+=~-])", r"\\\1", cell(one.text))
        case Result():
            before = f"{cell(one.before)} {cell(one.before_range)} → " if one.before else ""
            yield f"**{cell(one.title)}: {before}{cell(one.after)} {cell(one.after_range)}** {cell(one.note)}"
        case Facts():
            yield "\n".join(f"- {cell(x.name)}: {cell(x.value)}{_note(x.note)}" for x in one.facts)
        case Findings():
            yield "\n".join(f"- **{x.level}**: {cell(x.title)} {cell(x.words)}" for x in one.findings)
        case Charts():
            yield table(Sheet("Curves, first and last as means of up to five steps", HEAD, list(_curves(one.charts))))
        case Table():
            yield table(Sheet(one.caption, list(one.head), [list(row) for row in one.rows]))
        case Listing():
            yield fenced(one.text, one.most)
        case Replies():
            for reply in one.replies:
                yield f"**{cell(reply.title)}**"
                yield from [fenced(reply.prompt, 600)] if reply.prompt else []
                yield fenced(reply.text)
        case Fold():
            yield f"**{cell(one.title)}**"
            yield from lines(one.blocks)


HEAD = ["curve", "", "points", "first", "", "last"]


def _curves(charts: Sequence[Chart]) -> Iterator[list[str]]:
    for chart in charts:
        for line in chart.lines:
            if line.points:
                yield _curve(chart, line)


def _curve(chart: Chart, line: Line) -> list[str]:
    points = list(line.points)
    size = (points[0][1], points[-1][1]) if line.bars else ends_of(points)
    drawn = sparkline(points) if len(points) > 1 else ""
    first, last = (number(y, chart.percent) for y in size)
    return [chart.title, line.label, str(len(points)), first, drawn, last]


def _note(note: str) -> str:
    return f"; {cell(note)}" if note else ""
