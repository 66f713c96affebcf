"""The report of one stretch of reinforcement or fine-tuning: what changed, what it cost, and what the model writes."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aha.pipeline.shape import difference, is_clear, signed
from aha.record import Row, Run, first_try, load_run, majority, points, tasks, value
from aha.report import claims, curves, findings, replies
from aha.report.blocks import Block, Charts, Document, Fact, Facts, Finding, Findings, Result, Section, Text
from aha.report.changes import changes, ends
from aha.report.picked import Found, scan
from aha.report.tables import (
    count,
    effort,
    environment,
    evaluations,
    percent,
    reasons,
    reward_parts,
    settings,
    share,
    span,
)
from aha.stats import Interval
from aha.svg import number

PROTOCOL = ("questions", "samples", "temperature", "top_p", "max_tokens", "seed")
"""What must be equal for two evaluations to be compared."""


def document(root: Path) -> Document:
    """The report of a run folder. Raises RunError when it is none."""
    run = load_run(root)
    found = scan(root)
    sections = [
        Section("What came of it", opening(run)),
        Section("Is it healthy?", health(run, found)),
        Section("Curves", figures(run)),
        Section("Evaluations", evaluations(run)),
        Section("Rewards and what went wrong", [*reward_parts(run), *reasons(run)]),
        Section("The same prompts over time", replies.over_time(root)),
        Section("Replies worth reading", replies.picked(found)),
        Section("Claims", claims.blocks(root)),
        Section("Settings", settings(run)),
        Section("Environment", environment(run.environment)),
    ]
    return Document(root.resolve().name, about(run), sections, facts(run))


def about(run: Run) -> str:
    """One line on what was run."""
    told = _settings(run)
    names = {"recipe": "", "base": "base ", "steps": "", "seed": "seed ", "dtype": ""}
    said = [f"{before}{told[key]}{' steps' * (key == 'steps')}" for key, before in names.items() if key in told]
    return "Run report: " + (", ".join(said) or "a run of aha")


def _settings(run: Run) -> dict[str, Any]:
    try:
        return tomllib.loads(run.settings)
    except tomllib.TOMLDecodeError:
        return {}


def measured(run: Run) -> list[tuple[str, list[tuple[Row, Interval]]]]:
    """Each task's evaluations that have a pass@1."""
    found = {task: [(row, x) for row in rows if (x := first_try(row))] for task, rows in tasks(run.evals).items()}
    return [(task, rows) for task, rows in found.items() if rows]


def facts(run: Run) -> dict[str, Any]:
    """The headline for programs."""
    results = [
        {
            "task": task, "before": _point(*rows[0]), "after": _point(*rows[-1]), "comparable": comparable(rows),
            "difference": _ends(difference(rows[-1][1], rows[0][1])) if comparable(rows) else None,
        }
        for task, rows in measured(run)
    ]  # fmt: skip
    return {"kind": "training", "results": results, "cost": costs(run), "troubles": list(run.troubles)}


def _point(row: Row, found: Interval) -> dict[str, Any]:
    return {key: value(row, key) for key in ("step", "questions", "samples", "seconds")} | _ends(found)


def _ends(found: Interval) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def comparable(rows: Sequence[tuple[Row, Interval]]) -> bool:
    """Whether the first and the last evaluation are two, and were made alike."""
    (first, _), (last, _) = rows[0], rows[-1]
    return len(rows) > 1 and all(first.get(key) == last.get(key) for key in PROTOCOL)


def costs(run: Run) -> dict[str, float]:
    """Sums over the steps, and over the evaluations."""
    keys = {"seconds": "seconds/step", "sampled_tokens": "sampled_tokens", "trained_tokens": "trained_tokens"}
    spent = {name: sum(y for _, y in points(run.metrics, key)) for name, key in keys.items()}
    measuring = sum(value(row, "seconds") or 0.0 for row in run.evals)
    return {"steps": float(len(run.metrics))} | spent | {"evaluation_seconds": measuring}


def opening(run: Run) -> list[Block]:
    """The headline, what it cost, and in words what changed."""
    found = measured(run)
    blocks: list[Block] = [headline(*found[0])] if found else [Text(_nothing(run), "lead")]
    blocks.append(Facts([*tiles(run), cost(run)]))
    said = [_result(task, rows) for task, rows in found] + changes(run)
    said += [Finding("problem", "Left out:", trouble) for trouble in run.troubles]
    return [*blocks, Findings(said)] if said else blocks


def _nothing(run: Run) -> str:
    if run.evals:
        return f"{', '.join(tasks(run.evals))}: evaluated, but without a pass@1."
    return "Nothing was evaluated in this run, so there is no result on held-out questions."


def headline(task: str, rows: Sequence[tuple[Row, Interval]]) -> Result:
    """pass@1 before and after."""
    (first, before), (last, after) = rows[0], rows[-1]
    title = f"Right at the first try on held-out questions ({task})"
    note = f"Steps {first['step']:g} and {last['step']:g}; {effort(last)}. In brackets 95 % intervals over questions."
    if len(rows) == 1:
        return Result(title, "", "", percent(before), span(before), f"Step {first['step']:g}; {effort(first)}.")
    return Result(title, percent(before), span(before), percent(after), span(after), note)


def tiles(run: Run) -> list[Fact]:
    """Numbers beside the headline."""
    shown = []
    for task, rows in list(tasks(run.evals).items())[:1]:
        votes = [(row["step"], *vote) for row in rows if (vote := majority(row))]
        if votes:
            step, k, share_ = votes[-1]
            shown.append(Fact(f"Majority of {k}", percent(share_), f"{span(share_)} of {task} at step {step:g}"))
    for title, key, unit in BESIDE:
        if moved := ends(run.metrics, key):
            shown.append(Fact(title, f"{number(moved[0])} → {number(moved[1])}", unit))
    return shown


BESIDE = (
    ("Reply length", "length_mean", "tokens of a training reply"),
    ("Reflection", "reflection", "words of doubt and checking a reply"),
)


def cost(run: Run) -> Fact:
    """What training took."""
    if not run.metrics:
        return Fact("Cost", "none", "No training step was recorded.")
    spent = costs(run)
    tokens = " and ".join(
        f"{spent[f'{kind}_tokens']:,.0f} tokens {kind}" for kind in ("sampled", "trained") if spent[f"{kind}_tokens"]
    )
    note = f"{count(len(run.metrics), 'step')}, {tokens}" if tokens else count(len(run.metrics), "step")
    if spent["evaluation_seconds"]:
        note += f"; {spent['evaluation_seconds']:,.0f} seconds more for evaluations"
    return Fact("Cost", f"{spent['seconds'] / 60:,.1f} minutes", note)


def _result(task: str, rows: Sequence[tuple[Row, Interval]]) -> Finding:
    (first, before), (_, after) = rows[0], rows[-1]
    if len(rows) == 1:
        return Finding("note", f"{task}:", f"one evaluation, {share(before)} at step {first['step']:g}.")
    if not comparable(rows):
        return Finding("watch", f"{task}:", "the two evaluations used different settings, so they do not compare.")
    moved = difference(after, before)
    said = f"from {share(before)} to {share(after)}, {signed(moved)} points"
    if not is_clear(moved):
        return Finding("note", f"{task} changed by no more than chance:", f"{said}.")
    verb = "rose" if moved.mean > 0 else "fell"
    return Finding("good" if moved.mean > 0 else "problem", f"{task} {verb}:", f"{said}, more than chance.")


def health(run: Run, found: Found) -> list[Block]:
    """What the guards and the report object to."""
    return [Findings(findings.worst_first(findings.health(run) + replies.suspected(found)))]


def figures(run: Run) -> list[Block]:
    """The paper's pictures, the run's health, and where the time went."""
    shown, watched = curves.main(run.metrics, run.evals), curves.health(run.metrics) + curves.time(run.metrics)
    if not shown and not watched:
        return [Text("Nothing was measured yet, so there is nothing to draw.")]
    return [*([Charts(shown)] if shown else []), *([Charts(watched, small=True)] if watched else [])]
