"""A report as one HTML file that needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch

from aha import page as html
from aha.chat import ANSWER, ANSWER_END, THINK, THINK_END
from aha.report.blocks import (
    Block,
    Charts,
    Document,
    Fact,
    Facts,
    Finding,
    Findings,
    Fold,
    Listing,
    Replies,
    Reply,
    Result,
    Section,
    Table,
    Text,
)  # fmt: skip
from aha.report.blocks import Chart as Drawing
from aha.svg import area_chart, line_chart

WORDS = {"good": "good", "watch": "watch", "problem": "problem", "note": "note"}
SMALL = (320, 200)
MOST = 4000
"""Characters of a reply that are shown."""


def page(told: Document) -> str:
    """The whole page, with its contents beside it."""
    shown = [section for section in told.sections if section.blocks]
    keys = [f"s{number}" for number in range(1, len(shown) + 1)]
    bodies = [_section(section, key) for section, key in zip(shown, keys, strict=True)]
    links = [(key, section.title) for key, section in zip(keys, shown, strict=True)]
    return html.document(told.title, *bodies, about=told.about, links=links)


def _section(section: Section, key: str) -> str:
    return html.section(section.title, *map(block, section.blocks), key=key)


@singledispatch
def block(one: Block) -> str:
    """Any block as HTML."""
    raise TypeError(f"{type(one).__name__} is no block")


@block.register
def _text(one: Text) -> str:
    return html.paragraph(one.text, one.kind)


@block.register
def _result(one: Result) -> str:
    after = f'<b class="number">{html.visible(one.after)}</b><span class="soft">{html.visible(one.after_range)}</span>'
    before = ""
    if one.before:
        before = (
            f'<div><b class="number old">{html.visible(one.before)}</b>'
            f'<span class="soft">{html.visible(one.before_range)}</span></div>'
            '<div class="arrow" aria-label="to">→</div>'
        )
    title, note = html.visible(one.title), html.visible(one.note)
    return (
        f'<div class="result"><p class="what">{title}</p><div class="change">{before}<div>{after}</div></div>'
        f'<p class="soft">{note}</p></div>'
    )


@block.register
def _facts(one: Facts) -> str:
    return f'<dl class="facts">{"".join(map(_fact, one.facts))}</dl>'


def _fact(fact: Fact) -> str:
    note = f'<dd class="soft">{html.visible(fact.note)}</dd>' if fact.note else ""
    return f"<div><dt>{html.visible(fact.name)}</dt><dd><b>{html.visible(fact.value)}</b></dd>{note}</div>"


@block.register
def _findings(one: Findings) -> str:
    return f'<ul class="findings">{"".join(map(_finding, one.findings))}</ul>'


def _finding(finding: Finding) -> str:
    level = WORDS.get(finding.level, "note")
    return (
        f'<li class="{level}"><span class="tag">{level}</span><div><b>{html.visible(finding.title)}</b> '
        f"{html.visible(finding.words)}</div></li>"
    )


@block.register
def _charts(one: Charts) -> str:
    return html.grid([_chart(chart, one.small) for chart in one.charts], one.small)


def _chart(chart: Drawing, small: bool) -> str:
    size = SMALL if small else (440, 250)
    if chart.stacked:
        drawn = area_chart(chart.title, chart.lines, size=size)
    else:
        drawn = line_chart(chart.title, chart.lines, reference=chart.reference, percent=chart.percent, size=size)
    return html.figure(chart.title, chart.note, drawn)


@block.register
def _table(one: Table) -> str:
    if not one.wide:
        return html.table(one.caption, one.head, one.rows)
    return f'{html.paragraph(one.caption, "soft")}<div class="lines">{html.table("", one.head, one.rows, one.caption)}</div>'


@block.register
def _listing(one: Listing) -> str:
    return html.listing(one.text, one.most)


@block.register
def _replies(one: Replies) -> str:
    return f'<div class="replies">{"".join(map(_reply, one.replies))}</div>'


def _reply(reply: Reply) -> str:
    asked = f'<p class="asked">{html.visible(html.clip(reply.prompt, 600))}</p>' if reply.prompt else ""
    mark = {True: " right", False: " wrong", None: ""}[reply.good]
    return f'<article class="reply{mark}"><h3>{html.visible(reply.title)}</h3>{asked}{"".join(_parts(reply.text))}</article>'


def _parts(text: str) -> Iterator[str]:
    """The thought apart from the answer; a reply that strays from the template is shown whole."""
    whole = html.clip(text, MOST)
    thought, closed, answer = whole.partition(THINK_END)
    if not closed or not thought.lstrip().startswith(THINK):
        yield f'<pre tabindex="0">{html.visible(whole)}</pre>'
        return
    yield _thought(thought.lstrip().removeprefix(THINK).strip())
    yield f'<pre class="answer">{html.visible(_bare(answer.strip()))}</pre>'


def _bare(answer: str) -> str:
    """Without the tags around all of it."""
    framed = answer.startswith(ANSWER) and answer.endswith(ANSWER_END) and answer.count(ANSWER) == 1
    return answer.removeprefix(ANSWER).removesuffix(ANSWER_END).strip() if framed else answer


def _thought(text: str) -> str:
    if not text:
        return '<p class="asked">No thought.</p>'
    size = f"Thought, {len(text):,} characters"
    return (
        f'<details open><summary>{size}</summary><pre class="thought" tabindex="0">{html.visible(text)}</pre></details>'
    )


@block.register
def _fold(one: Fold) -> str:
    return html.folded(one.title, blocks(one.blocks), one.opened)


def blocks(several: Sequence[Block]) -> str:
    """Blocks below one another."""
    return "".join(map(block, several))
