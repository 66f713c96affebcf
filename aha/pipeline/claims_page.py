"""Verdicts as lines of a terminal, as a page, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import aha
from aha.config import flatten
from aha.pipeline.claims import SHARES, Part, Sitting
from aha.pipeline.recipe_claims import Claims
from aha.pipeline.recipe_r1 import Table
from aha.pipeline.verdicts import Measured, Told

VERDICTS = {"holds": "hold", "does not hold": "do not hold", "undecided": "undecided", "not measured": "not measured"}
"""Each verdict, and how it is said of several."""


def as_lines(told: Sequence[Told]) -> list[str]:
    """What a terminal shows: a line for each claim, and one for each of its parts."""
    lines = ["", *(line for i, row in enumerate(told, 1) for line in _row(i, row))]
    return [*lines, "", summary(told)]


def summary(told: Sequence[Told]) -> str:
    """How many claims hold."""
    count = [f"{sum(row.verdict == name for row in told)} {said}" for name, said in VERDICTS.items()]
    return f"{len(told)} claims: {', '.join(count)}"


def _row(i: int, row: Told) -> Iterator[str]:
    yield f"{i:>2}. {row.claim.sentence}: {row.verdict} ({row.minutes:.1f} minutes)"
    for found in row.parts:
        role = "" if found.part.role == "part" else f" ({found.part.role})"
        paper = f"paper: {found.part.paper}; " if found.part.paper else ""
        yield f"      {found.part.title}{role}: {paper}here: {here(found)}: {found.verdict}"


def here(found: Measured) -> str:
    """23.0 → 64.2, +41.2 (38.0 to 44.4) points, 3 seeds x 100 questions; or why there is nothing."""
    if found.before is None or found.after is None:
        return f"nothing ({found.why})"
    scale, digits, unit = _unit(found.part)
    first, last = scale * found.before, scale * found.after
    ends = "(no interval)"
    if found.found:
        ends = f"({scale * found.found.low:+.{digits}f} to {scale * found.found.high:+.{digits}f})"
    seeds = len(found.by_seed or {})
    lacking = f"; {found.why}" if found.why else ""
    return f"{first:.{digits}f} → {last:.{digits}f}, {last - first:+.{digits}f} {ends}{unit}, {seeds} seed{'s' * (seeds != 1)} x {found.questions} questions{lacking}"


def _unit(part: Part) -> tuple[int, int, str]:
    """What a difference is multiplied by, its decimals, and its unit: shares are told in points of a hundred."""
    return (100, 1, " points") if part.after.column in SHARES else (1, 2, "")


def region(part: Part) -> str:
    """Where the interval has to lie, in words."""
    scale, _, unit = _unit(part)
    low, high = (scale * end for end in part.region)
    if math.isinf(high):
        return f"above {low:g}{unit if low else ''}"
    return f"below {high:g}{unit if high else ''}" if math.isinf(low) else f"between {low:g} and {high:g}{unit}"


def as_markdown(told: Sequence[Told], c: Claims) -> str:
    """The page: all verdicts, then how each part came out."""
    lines = [
        "# Claims", "",
        f"Seeds {', '.join(map(str, c.seeds))}; {summary(told)}. How each is measured: docs/claims.md.", "",
        "| | claim | verdict | minutes |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {i} | {row.claim.sentence} | {row.verdict} | {row.minutes:.1f} |" for i, row in enumerate(told, 1)]
    lines += [
        "", "Minutes are those of every stage a claim rests on; many are shared. A part in brackets is shown beside and "
        "decides nothing.", "",
        "| | part | paper | here, with 95 % interval | holds if | verdict |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for i, row in enumerate(told, 1):
        for found in row.parts:
            cells = (_title(found.part), found.part.paper, here(found), region(found.part), found.verdict)
            lines.append(f"| {i} | {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join([*lines, "", *(f"- {line}" for line in _sittings(c)), ""])


def _sittings(c: Claims) -> Iterator[str]:
    settings: dict[Sitting, Table] = {"exam": c.table, "tries": c.tries, "shots": c.shots}
    for name, s in settings.items():
        yield (
            f"{name}: at most {s.questions} questions, {s.samples} replies each of at most {s.max_tokens} tokens, "
            f"temperature {s.temperature:g}, top-p {s.top_p:g}"
        )


def _title(part: Part) -> str:
    return {"part": part.title, "premise": f"premise: {part.title}", "beside": f"({part.title})"}[part.role]


def as_json(told: Sequence[Told], c: Claims) -> str:
    """Everything that was found, for programs."""
    record = {
        "aha": aha.__version__, "settings": flatten(c), "seeds": c.seeds,
        "claims": [
            {"name": row.claim.name, "sentence": row.claim.sentence, "verdict": row.verdict, "minutes": row.minutes,
             "parts": [_part(found) for found in row.parts]}
            for row in told
        ],
    }  # fmt: skip
    return json.dumps(record, indent=1, ensure_ascii=False, default=str) + "\n"


def _part(found: Measured) -> dict[str, Any]:
    part, interval = found.part, found.found
    return {
        "title": part.title, "role": part.role, "paper": part.paper, "verdict": found.verdict,
        "holds_if": region(part), "measure": part.after.column, "exam": part.after.exam, "sitting": part.after.sitting,
        "before": {"model": part.before.model, "mean": found.before}, "after": {"model": part.after.model, "mean": found.after},
        "difference": interval.mean if interval else None, "low": interval.low if interval else None,
        "high": interval.high if interval else None, "questions": found.questions, "by_seed": found.by_seed or {},
        "why": found.why,
    }  # fmt: skip
