"""What the model wrote, as parts of a report: the same prompts over time, and replies that are worth reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aha.record import Row, probe_replies, value
from aha.report.blocks import Block, Finding, Fold, Listing, Replies, Reply, Text
from aha.report.picked import SUSPICIONS, Found
from aha.svg import number

SHORT = 160
"""Characters of a question that one line has room for."""
USUAL_SHARE = 0.05
"""Suspicious replies that are fewer than this share of the rewarded ones are no finding."""


def over_time(root: Path) -> list[Block]:
    """The fixed prompts, each with its first reply at up to five steps."""
    chosen, troubles = probe_replies(root)
    if not chosen and not troubles:
        return [Text("No replies to fixed prompts were kept.")]
    folds = [_over_time(rows, opened=rows is chosen[0]) for rows in chosen]
    return [Text("The first reply of each evaluation; none was chosen.", "soft"), *folds, *map(Text, troubles)]


def _over_time(rows: Sequence[Row], opened: bool) -> Fold:
    asked = question(str(rows[0].get("prompt") or ""))
    return asked_above(asked, str(rows[0].get("problem")), [Replies([reply(row) for row in rows])], opened)


def asked_above(asked: str, title: str, blocks: Sequence[Block], opened: bool) -> Fold:
    """Replies behind what they reply to; a long question stands in full below the line that unfolds."""
    line = " ".join(asked.split())
    whole = [Listing(asked)] if len(line) > SHORT else []
    return Fold(line[:SHORT] or title, [*whole, *blocks], opened)


def question(prompt: str) -> str:
    """A prompt without the words that aha's template puts around it."""
    return prompt.strip().removeprefix("User: ").removesuffix("Assistant:").strip()


def reply(row: Row) -> Reply:
    """A reply under its step, its reward and why it fell short, its length."""
    reward, tokens = value(row, "reward"), value(row, "tokens")
    said = [f"step {row['step']}", "grader failed" if reward is None else f"reward {number(reward)}"]
    said += [str(row["reason"])] if row.get("reason") else []
    said += [f"{tokens:,.0f} token{'s' * (tokens != 1)}"] if tokens is not None else []
    said += ["cut off"] if row.get("finish") == "length" else []
    good = None if reward is None else reward > 0 and not row.get("reason")
    return Reply(", ".join(said), str(row.get("reply") or ""), good)


def picked(found: Found) -> list[Block]:
    """The best, the worst, some at random, and those that a reward should perhaps not have paid for."""
    if not found.replies:
        return [Text(trouble) for trouble in found.troubles] or [Text("No replies were kept.")]
    files = f"those of {found.files} of {found.of} steps, spread evenly" if found.of > found.files else "all there are"
    about = f"Out of {found.replies:,} replies, {files}."
    groups = (
        ("Best: right where the others of their group were not", found.best.rows(), True),
        ("Worst: wrong where the others of their group were not", found.worst.rows(), False),
        ("At random", found.drawn.rows(), False),
    )
    blocks: list[Block] = [Text(f"{about} The first three kinds are those of the last third.", "soft")]
    blocks += [_group(title, rows, opened) for title, rows, opened in groups if rows]
    suspects = [
        _group(_title(kind, found), keeper.rows(), False) for kind, keeper in found.suspects.items() if keeper.best
    ]
    return [*blocks, *suspects, *map(Text, found.troubles)]


def _title(kind: str, found: Found) -> str:
    part = found.counts[kind] / max(1, found.rewarded)
    return f"Suspicious: rewarded, and {SUSPICIONS[kind]} ({found.counts[kind]:,}, {part:.1%} of those rewarded)"


def _group(title: str, rows: Sequence[Row], opened: bool) -> Fold:
    shown = [replace(reply(row), prompt=question(str(row.get("prompt") or ""))) for row in rows]
    return Fold(title, [Replies(shown)], opened)


def suspected(found: Found) -> list[Finding]:
    """What was rewarded and looks as if it should not have been."""
    if not found.rewarded:
        return []
    said = [
        f"{found.counts[kind] / found.rewarded:.0%} are {SUSPICIONS[kind]}"
        for kind in SUSPICIONS if found.counts[kind] >= USUAL_SHARE * found.rewarded
    ]  # fmt: skip
    where = f"of {found.rewarded:,} that were looked at"
    if not said:
        return [Finding("good", "Rewarded replies:", f"few {where} look as if they should not be.")]
    return [Finding("watch", "Rewarded replies:", f"{where}, {'; '.join(said)}. Some of them are below.")]
