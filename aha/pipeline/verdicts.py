"""From results by question to verdicts: differences paired by question, put together over seeds.

A question's difference is averaged over the seeds, and Student's interval is taken over questions. With three seeds or
more, their own means give a second interval, and the one that is told reaches as far as either: questions are shared by
all seeds, so neither alone says how far the mean may be off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from aha.pipeline.claims import GENERAL, REASONING, SHARES, Cell, Claim, Part, Sitting, Verdict, all_of, verdict
from aha.pipeline.shape import is_general
from aha.stats import Interval, paired_difference, t_interval

Columns = Mapping[str, list[float]]
"""An evaluation by question: the ids, and a value a question for every measure."""
Sat = tuple[str, Sitting]
"""A model and the sitting it took."""
SEEDS = 3
"""From so many seeds on they have an interval of their own."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one seed gave: results by question and evaluation, why others are missing, and what each rests on."""

    seed: int
    results: Mapping[Sat, Mapping[str, Columns]]
    missing: Mapping[Sat, str]
    behind: Mapping[Sat, Mapping[str, float]]
    """Seconds of every stage that a result needed, by its name."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one part."""

    part: Part
    verdict: Verdict
    before: float | None = None
    after: float | None = None
    found: Interval | None = None
    questions: int = 0
    by_seed: Mapping[int, float] | None = None
    why: str = ""
    """Why a seed, or all, lacks it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a claim."""

    claim: Claim
    verdict: Verdict
    parts: tuple[Measured, ...]
    minutes: float
    """Of all stages that it rests on; other claims rest on some of them too."""


def judge(claims: Sequence[Claim], seeds: Sequence[Readings]) -> list[Told]:
    """Every claim with its verdict, in order; one that could not be measured says why."""
    told = []
    for claim in claims:
        parts = tuple(measure(part, seeds) for part in claim.parts)
        decided = all_of([(found.part.role, found.verdict) for found in parts])
        told.append(Told(claim, decided, parts, _minutes(claim, seeds)))
    return told


def measure(part: Part, seeds: Sequence[Readings]) -> Measured:
    """One part over all seeds that have it."""
    pairs = {}
    reasons = []
    for readings in seeds:
        before, after = read(readings, part.before), read(readings, part.after)
        if isinstance(before, str) or isinstance(after, str):
            reasons.append(f"seed {readings.seed}: {before if isinstance(before, str) else after}")
        else:
            pairs[readings.seed] = before, after
    shared = (
        sorted(set.intersection(*(before.keys() & after.keys() for before, after in pairs.values()))) if pairs else []
    )
    why = "; ".join(reasons)
    if not shared:
        return Measured(part, "not measured", why=why or "no question has a grade from both models")
    moved_SQ = [[after[q] - before[q] for q in shared] for before, after in pairs.values()]
    found = interval(moved_SQ, part.after.column in SHARES)
    first, last = (fmean(fmean(pair[side][q] for q in shared) for pair in pairs.values()) for side in (0, 1))
    by_seed = {seed: fmean(row) for seed, row in zip(pairs, moved_SQ, strict=True)}
    return Measured(part, verdict(found, part.region), first, last, found, len(shared), by_seed, why)


def read(readings: Readings, cell: Cell) -> dict[str, float] | str:
    """A measure by question, or why it is missing."""
    sat: Sat = (cell.model, cell.sitting)
    results = readings.results.get(sat)
    if results is None:
        return readings.missing.get(sat, f"{cell.model} took no {cell.sitting}")
    wanted = [exam for exam in results if _belongs(exam, cell.exam)]
    found = {}
    for exam in wanted:
        columns = results[exam]
        for name, value in zip(columns["id"], columns.get(cell.column, []), strict=False):
            found[f"{exam}/{name}" if cell.exam in (REASONING, GENERAL) else str(name)] = value
    return found or f"{cell.model} has no {cell.column} on {cell.exam}"


def _belongs(exam: str, wanted: str) -> bool:
    return is_general(exam) == (wanted == GENERAL) if wanted in (REASONING, GENERAL) else exam == wanted


def interval(moved_SQ: Sequence[Sequence[float]], share: bool) -> Interval | None:
    """The mean of differences [seeds, questions] and its 95 % interval; `share` says that they lie in [-1, 1].

    None where counts moved by the same amount on every question, or there is only one: nothing tells how far off that is.
    """
    average_Q = [fmean(column) for column in zip(*moved_SQ, strict=True)]
    if share:
        found = paired_difference([[moved] for moved in average_Q], [[0.0]] * len(average_Q))
    elif len(set(average_Q)) > 1:
        found = t_interval(average_Q)
    else:
        return None
    if len(moved_SQ) < SEEDS:
        return found
    seeds = t_interval([fmean(row) for row in moved_SQ])
    return Interval(found.mean, min(found.low, seeds.low), max(found.high, seeds.high))


def _minutes(claim: Claim, seeds: Sequence[Readings]) -> float:
    """What the stages behind a claim took, each counted once."""
    cells = [cell for part in claim.parts for cell in (part.before, part.after)]
    seconds = 0.0
    for readings in seeds:
        stages: dict[str, float] = {}
        for cell in cells:
            stages |= readings.behind.get((cell.model, cell.sitting), {})
        seconds += sum(stages.values())
    return seconds / 60
