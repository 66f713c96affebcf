"""What a report is made of, before it is HTML, Markdown or JSON: every block is data and text, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aha.svg import Line

Level = Literal["good", "watch", "problem", "note"]
"""How a sentence about a run is meant: all is well, look here, something is wrong, or nothing but a fact."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: Literal["", "lead", "soft"] = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The one number a run is about, before and after, each with its interval; `before` may be empty."""

    title: str
    before: str
    before_range: str
    after: str
    after_range: str
    note: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its name and what to know about it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Several, side by side."""

    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was noticed: what, and in words where and what to do."""

    level: Level
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Several, one below the other."""

    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over steps, or layers stacked on one another; `reference` is a dashed level with its name."""

    title: str
    note: str
    lines: Sequence[Line]
    reference: tuple[str, float] | None = None
    percent: bool = False
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts side by side."""

    charts: Sequence[Chart]
    small: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; its first column names the rows. The cells of a `wide` one stay on one line."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Text as it stands, such as settings, a prompt or a command."""

    text: str
    most: int = 6000


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote, under a few words about it."""

    title: str
    text: str
    good: bool | None = None
    """Whether it was right, where that is known."""
    prompt: str = ""
    """What it replies to, where that does not stand above."""


@dataclass(frozen=True, slots=True)
class Replies:
    """Replies side by side where there is room."""

    replies: Sequence[Reply]


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks behind a line that unfolds."""

    title: str
    blocks: Sequence[Block]
    opened: bool = False


Block = Text | Result | Facts | Findings | Charts | Table | Listing | Replies | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of the report; one without blocks is left out."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. `facts` are its numbers for programs, which find the rest in the sections."""

    title: str
    about: str
    sections: Sequence[Section]
    facts: dict[str, Any] = field(default_factory=dict)
