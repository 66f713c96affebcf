"""A run of stages -> docs/reproduction.md: what came out, beside the paper, from the run's files alone.

    python -m aha.pipeline.reproduction runs/laptop > docs/reproduction.md

Model text stands in fences longer than any it holds, so nothing of it is read as Markdown or HTML.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aha.errors import AhaError
from aha.page import clip, plain
from aha.pipeline import account, comparison, shape
from aha.pipeline.account import Sheet
from aha.pipeline.whole import Whole, load_whole
from aha.record import Run, points
from aha.svg import Point, number, thin

BLOCKS = "▁▂▃▄▅▆▇█"
CURVES = (
    ("reward/correct", "training accuracy", True),
    ("reward/preferred", "learned reward", True),
    ("reward/strict", "strict rule, watched only", True),
    ("length_mean", "reply length", False),
    ("reflection", "words of reflection", False),
    ("mixed_language", "mixed language", True),
    ("loss", "loss", False),
    ("accuracy", "choices right", True),
)
"""Which rows of metrics.jsonl are drawn, what they are called, and whether they are shares."""


def reproduction(run_folder: Path) -> str:
    """The page as Markdown. Raises RunError when the folder is no run of stages."""
    run = load_whole(Path(run_folder))
    parts = [part for write in SECTIONS for part in write(run)]
    return "\n\n".join(part for part in parts if part) + "\n"


def head(run: Whole) -> Iterator[str]:
    """What was run, where, and what it cost."""
    yield "# Reproduction: the paper's stages in the embedded world"
    told = account.origin(run)
    if command := told.pop("command", ""):
        yield f"Measured in one run of\n\n{fenced(command)}"
    yield "\n".join(f"- {key}: {cell(found)}" for key, found in told.items())
    yield "\n".join(f"- {cell(trouble)}" for trouble in run.troubles)


def models(run: Whole) -> Iterator[str]:
    """The stage table, what each step changed, and the paper's."""
    yield "## Stage table"
    sheet = comparison.stage_table(run)
    if not sheet.rows:
        yield "Nothing was measured yet."
        return
    yield table(sheet)
    found = shape.changes(run)
    if found:
        yield "## The shape, beside the paper's"
        yield "\n".join(f"- {cell(said)}" for change in found if (said := shape.sentence(change)))
        yield table(comparison.changes(found))
        yield table(comparison.paper())
    learners = comparison.students(run)
    if learners.rows:
        yield "## Students"
        yield table(learners)


def stages(run: Whole) -> Iterator[str]:
    """The tree, what the filters took, the data card, and the reward models."""
    yield "## Stages"
    yield table(account.stages(run))
    parts = (
        ("What the filters took", account.filters(run)),
        ("Data card", account.data_card(run)),
        ("Reward models", [account.reward_models(run)]),
    )
    for title, sheets in parts:
        if any(sheet.rows for sheet in sheets):
            yield f"## {title}"
            yield from map(table, sheets)


def curves(run: Whole) -> Iterator[str]:
    """Each stage's curves, a character for a stretch of steps."""
    rows = [row for name, log in run.logs.items() for row in _curves(name, log)]
    if rows:
        yield "## Curves"
        yield table(
            Sheet(
                "First and last values are means of up to five steps", ["stage", "", "steps", "first", "", "last"], rows
            )
        )
    for name, log in run.logs.items():
        if said := shape.deception(log.metrics):
            yield f"{name}: {said}"


def _curves(stage: str, log: Run) -> Iterator[list[str]]:
    for key, title, percent in CURVES:
        found = points(log.metrics, key)
        if len(found) > 1:
            ends = ends_of(found)
            yield [
                stage,
                title,
                str(len(found)),
                *(number(ends[0], percent), sparkline(found), number(ends[1], percent)),
            ]


def ends_of(found: Sequence[Point]) -> tuple[float, float]:
    """The means of the first and of the last few values: one step alone is noise."""
    size = max(1, min(5, len(found) // 2))
    first, last = ([y for _, y in part] for part in (found[:size], found[-size:]))
    return sum(first) / size, sum(last) / size


def sparkline(found: Sequence[Point], most: int = 24) -> str:
    """A curve in block characters, from its lowest value to its highest."""
    ys = [y for _, y in thin(found, most)]
    low, high = min(ys), max(ys)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((y - low) * scale)] for y in ys)


def prompts(run: Whole) -> Iterator[str]:
    """First replies to the same prompts, base beside trained, then the stages between."""
    found = account.same_prompts(run)
    if not found:
        return
    yield "## The same prompts through all stages"
    yield "Each reply is the first of its model; none was chosen."
    wanted = list(run.recipe_exams)
    for exam, prompt, replies in found:
        yield f"### {cell(exam)}"
        yield fenced(prompt)
        for model in [*wanted[:1], *wanted[1:][-1:], *wanted[1:-1]]:
            if model in replies:
                yield f"**{cell(model)}**\n\n{fenced(replies[model])}"


def fenced(text: str, most: int = 1500) -> str:
    """Text as a block of code that cannot be left from inside."""
    shown = plain(clip(text, most))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}text\n{shown}\n{fence}"


def table(sheet: Sheet) -> str:
    """A table under its caption."""
    lines: Iterable[Sequence[str]] = [sheet.head, ["---"] * len(sheet.head), *sheet.rows]
    body = "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)
    return f"{cell(sheet.caption)}:\n\n{body}"


def cell(text: str) -> str:
    """Text that Markdown and HTML read as text, on one line."""
    shown = " ".join(plain(text).replace("\u2028", " ").splitlines())
    return re.sub(r"([\\|`*_\[\]])", r"\\\1", shown.replace("&", "&amp;").replace("<", "&lt;"))


SECTIONS = (head, models, stages, curves, prompts)

if __name__ == "__main__":
    try:
        sys.stdout.write(reproduction(Path(*sys.argv[1:2])))
    except AhaError as error:
        sys.exit(f"reproduction: {error}")
