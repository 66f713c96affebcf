"""What each stage changed, with intervals, beside what it changed in the paper.

Two models of one run answer the same questions, but a record keeps only each one's interval; the interval of their
difference here is that of independent measurements (Newcombe's), which is wider than a paired one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from aha.pipeline.whole import Whole
from aha.record import Row, points, value
from aha.stats import Interval, t_quantile
from aha.tasks.general import DOMAINS

PAPER: Mapping[str, Mapping[str, float]] = {
    "AIME": {"base": 15.6, "zero": 77.9, "dev1": 59.0, "dev2": 74.0, "dev3": 78.1, "r1": 79.8},
    "MATH-500": {"zero": 95.9, "dev1": 94.2, "dev2": 95.9, "dev3": 95.4, "r1": 97.3},
    "IF-Eval": {"zero": 46.6, "dev1": 71.7, "dev2": 72.0, "dev3": 78.1, "r1": 83.3},
    "AlpacaEval": {"zero": 24.7, "dev1": 50.1, "dev2": 55.8, "dev3": 62.1, "r1": 87.6},
}
"""Some of DeepSeek-R1's stages, in percent (Nature 645:633, table 2; the base is that of figure 1)."""

STEPS = (
    ("The whole recipe", "base", "r1"),
    ("Reinforcement alone", "base", "zero"),
    ("Cold start", "zero", "dev1"),
    ("Reasoning reinforcement", "dev1", "dev2"),
    ("Fine-tuning on traces and general data", "dev2", "dev3"),
    ("The last reinforcement's rules", "dev3", "rules"),
    ("Its preferences", "rules", "r1"),
    ("Reinforcement for all scenarios", "dev3", "r1"),
    ("Both steps", "base", "tuned"),
    ("Fine-tuning on traces", "base", "taught"),
    ("Reinforcement after it", "taught", "tuned"),
)
"""What leads from one model to another. Models of other recipes are compared with the first that was measured."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one step changed: each measure's difference as a share, and the paper's in points."""

    title: str
    before: str
    after: str
    here: dict[str, Interval]
    paper: dict[str, float]


def interval(row: Row, key: str) -> Interval | None:
    """A measure of an evaluation with its interval, None where it was not measured."""
    mean, low, high = (value(row, name) for name in (key, f"{key}_low", f"{key}_high"))
    return None if mean is None else Interval(mean, mean if low is None else low, mean if high is None else high)


def mean_of(found: Sequence[Interval]) -> Interval:
    """The mean of independent measurements, each counting the same."""
    mean, n = fmean(x.mean for x in found), len(found)
    below, above = (
        math.hypot(*side) / n for side in ([x.mean - x.low for x in found], [x.high - x.mean for x in found])
    )
    return Interval(mean, max(0.0, mean - below), min(1.0, mean + above))


def difference(a: Interval, b: Interval) -> Interval:
    """a - b of independent measurements, by Newcombe's method (Statistics in Medicine 17:873, method 10)."""
    mean = a.mean - b.mean
    return Interval(
        mean, mean - math.hypot(a.mean - a.low, b.high - b.mean), mean + math.hypot(a.high - a.mean, b.mean - b.low)
    )


def is_general(exam: str) -> bool:
    """Whether an evaluation asks general prompts, and not for reasoning that a rule grades."""
    return exam in DOMAINS


def measures(results: Mapping[str, Row], names: Sequence[str]) -> dict[str, Interval]:
    """One model in four numbers: the first evaluation, the mean of each kind, and readability.

    `names` are the evaluations it must have for a mean to be comparable.
    """
    told = {
        "all reasoning": [x for x in names if not is_general(x)],
        "all general": [x for x in names if is_general(x)],
    }
    wanted = [(names[0], "pass@1", names[:1])] if names else []
    wanted += [(title, "pass@1", chosen) for title, chosen in told.items()] + [("readable", "readable", names)]
    found = {}
    for title, key, chosen in wanted:
        values = [x for name in chosen if (x := interval(results.get(name, {}), key))]
        if chosen and len(values) == len(chosen):
            found[title] = mean_of(values) if len(values) > 1 else values[0]
    return found


def evaluations(exams: Mapping[str, Mapping[str, Row]]) -> list[str]:
    """Every evaluation that a model took, in order."""
    return list(dict.fromkeys(name for results in exams.values() for name in results))


def changes(run: Whole) -> list[Change]:
    """What each step of the recipe changed, as far as it was measured."""
    exams = run.exams
    names = evaluations(exams)
    steps = [*STEPS, *(("Distillation", name, f"distill-{name}") for name in run.students)]
    if exams and not any(before in exams and after in exams for _, before, after in steps):
        first, *others = exams
        steps = [(f"Becoming {other}", first, other) for other in others]
    found = []
    for title, before, after in steps:
        if before in exams and after in exams:
            was, became = measures(exams[before], names), measures(exams[after], names)
            here = {name: difference(became[name], was[name]) for name in was if name in became}
            paper = {name: row[after] - row[before] for name, row in PAPER.items() if before in row and after in row}
            found.append(Change(title, before, after, here, paper))
    return found


def signed(found: Interval) -> str:
    """-12.0 ± 5.1"""
    return f"{100 * found.mean:+.1f} ± {50 * (found.high - found.low):.1f}"


def is_clear(found: Interval) -> bool:
    """Whether a difference is more than chance."""
    return found.low > 0 or found.high < 0


def sentence(change: Change) -> str:
    """A step in words: what it did to the first evaluation and to general prompts, and whether the paper agrees."""
    said = []
    first = next(iter(change.here), "")
    for name, benchmark in ((first, "AIME"), ("all general", "AlpacaEval")):
        if name in change.here:
            found, paper = change.here[name], change.paper.get(benchmark)
            said.append(f"{name} by {signed(found)} points{_verdict(found, benchmark, paper)}")
    if "readable" in change.here and first != "readable":
        said.append(f"readability by {signed(change.here['readable'])}")
    return f"{change.title} ({change.before} to {change.after}) changed {', '.join(said)}." if said else ""


def _verdict(found: Interval, benchmark: str, paper: float | None) -> str:
    if not is_clear(found):
        return " (may be chance" + (f"; {benchmark} {paper:+.1f} in the paper)" if paper is not None else ")")
    if paper is None:
        return ""
    agrees = "as" if (found.mean > 0) == (paper > 0) else "unlike"
    return f" ({agrees} {benchmark} in the paper, {paper:+.1f})"


def trend(found: Sequence[tuple[float, float]]) -> Interval:
    """How much a curve changed from its first step to its last along a straight line through it; three points or more."""
    x_mean, y_mean = fmean(x for x, _ in found), fmean(y for _, y in found)
    xx = math.fsum((x - x_mean) ** 2 for x, _ in found)
    slope = math.fsum((x - x_mean) * (y - y_mean) for x, y in found) / xx
    rest = math.fsum((y - y_mean - slope * (x - x_mean)) ** 2 for x, y in found)
    span = max(x for x, _ in found) - min(x for x, _ in found)
    half = t_quantile(len(found) - 2) * math.sqrt(rest / (len(found) - 2) / xx) * span
    return Interval(slope * span, slope * span - half, slope * span + half)


def deception(metrics: Sequence[Row]) -> str:
    """Whether the learned reward rose while the strict rule that watches it fell. Empty where neither was logged."""
    curves = [points(metrics, f"reward/{name}") for name in ("preferred", "strict")]
    if any(len(curve) < 3 for curve in curves):
        return ""
    learned, strict = map(trend, curves)
    told = (
        f"Over the steps the learned reward changed by {signed(learned)} points and the strict rule by {signed(strict)} "
        "(along a straight line)"
    )
    if not is_clear(strict):
        return f"{told}: what the strict rule did may be chance."
    if strict.mean > 0:
        return f"{told}: no sign that the reward model is deceived."
    return f"{told}: the reward model is being deceived." if learned.low > 0 else f"{told}: the strict rule fell."
