"""A run folder -> one page that opens offline, and the three pictures of it for a README.

    write_report(Path("runs/zero"))                    runs/zero/report.html
    save_png(Path("runs/zero"), Path("zero.png"))      accuracy, reply length, reflection

The page is made from the files alone: the same folder gives the same bytes. What a run lacks (it was stopped early,
nothing was evaluated, a file was damaged) becomes a sentence. Model text is shown as text, whatever it holds.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from aha import page
from aha.errors import RunError
from aha.figures import health_figures, main_figures, save_panels, time_figure
from aha.record import Row, Run, first_try, load_run, majority, points, probe_replies, tasks, value
from aha.stats import Interval
from aha.svg import number

PROTOCOL = ("questions", "samples", "temperature", "top_p", "max_tokens")
"""What must be equal for two evaluations to be compared."""


def write_report(run: Path) -> Path:
    """Write `run/report.html` and return its path. Raises RunError when the folder is no run or cannot be written."""
    root = Path(run)
    bodies, file, draft = _bodies(root), root / "report.html", root / ".report.html.draft"
    try:
        draft.write_text(page.document(f"Report of {root.resolve().name}", *bodies), encoding="utf-8")
        os.replace(draft, file)
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror}") from error
    return file


def _bodies(root: Path) -> list[str]:
    """The parts of the page: of a run of stages, or of one stretch of training."""
    if (root / "stages").is_dir():
        from aha.report_stages import bodies  # it loads torch, which a single run's page does without

        return bodies(root)
    run = load_run(root)
    return [headline(run), *(part(run) for part in SECTIONS)]


def save_png(run: Path, path: Path) -> Path:
    """Draw accuracy, reply length and reflection into a PNG. Raises AhaError when matplotlib is not installed."""
    found = load_run(Path(run))
    try:
        save_panels(found.metrics, found.evals, Path(path))
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
    return Path(path)


def headline(run: Run) -> str:
    """What changed from the first evaluation to the last, with intervals, and what it cost."""
    sentences = [_result(task, rows) for task, rows in tasks(run.evals).items() if rows]
    if not sentences:
        sentences = ["Nothing was evaluated in this run, so there is no result on held-out questions."]
    seconds = sum(spent for _, spent in points(run.metrics, "seconds/step"))
    cost = "No training step was recorded."
    if run.metrics:
        tokens = sum(count for _, count in points(run.metrics, "sampled_tokens"))
        cost = f"Training: {_count(len(run.metrics), 'step')}, {seconds:,.0f} seconds, {tokens:,.0f} tokens sampled."
    troubles = "".join(page.paragraph(trouble) for trouble in run.troubles)
    return "".join(page.paragraph(sentence, "lead") for sentence in sentences) + page.paragraph(cost) + troubles


def _result(task: str, rows: Sequence[Row]) -> str:
    measured = [(row, found) for row in rows if (found := first_try(row))]
    if not measured:
        return f"{task}: evaluated, but without a pass@1."
    (first, before), (last, after) = measured[0], measured[-1]
    if len(measured) == 1:
        once = f"pass@1 {share(before)} at step {first['step']:g}{_vote(first)}, {_effort(first)}"
        return f"{task}: {once}. One evaluation."
    overlap = before.low <= after.high and after.low <= before.high
    verdict = "The intervals overlap: it may be chance." if overlap else "The intervals do not overlap."
    if any(first.get(key) != last.get(key) for key in PROTOCOL):
        verdict = "The two evaluations used different settings, so they do not compare."
    return (
        f"{task}: pass@1 went from {share(before)} at step {first['step']:g}{_vote(first)} to {share(after)} at step "
        f"{last['step']:g}{_vote(last)}, {_effort(last)}. {verdict}"
    )


def _vote(row: Row) -> str:
    found = majority(row)
    return f" (majority of {found[0]}: {number(found[1].mean, True)})" if found else ""


def _effort(row: Row) -> str:
    asked = [_count(row[key], name) for key, name in (("questions", "question"), ("samples", "sample")) if row.get(key)]
    seconds = value(row, "seconds")
    return " x ".join(asked) + (f" in {seconds:,.0f} seconds" if seconds is not None else "")


def _count(n: Any, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def share(found: Interval) -> str:
    """31.0 % (28.2 to 33.9)"""
    return f"{number(found.mean, True)} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def figures(run: Run) -> str:
    """The paper's pictures, the run's health, and where the time went."""
    charts = main_figures(run.metrics, run.evals) + [time_figure(run.metrics)]
    shown = [chart for chart in charts if chart]
    health = health_figures(run.metrics)
    nothing = page.paragraph("Nothing was measured yet, so there is nothing to draw.")
    return page.section("What happened", page.grid(shown) if shown else nothing) + (
        page.section("Is the run healthy?", page.grid(health, small=True)) if health else ""
    )


def evaluations(run: Run) -> str:
    """Every evaluation as a line of a table: the numbers behind the picture."""
    rows = []
    for row in run.evals:
        first, vote = first_try(row), majority(row)
        rows.append([
            f"{row.get('task') or 'held out'}, step {row['step']:g}", share(first) if first else "",
            f"{share(vote[1])} of {vote[0]}" if vote else "", _effort(row),
            *(_cell(row, key) for key in ("temperature", "length_mean")),
            *(_cell(row, key, True) for key in ("truncated", "formatted", "mixed_language")),
        ])  # fmt: skip
    head = ["evaluation", "pass@1", "majority vote", "effort", "temperature", "tokens", "cut off", "formatted", "mixed"]
    nothing = page.paragraph("No evaluation was recorded.")
    return page.section("Evaluations", page.table("95 % intervals over questions", head, rows) if rows else nothing)


def _cell(row: Row, key: str, percent: bool = False) -> str:
    found = value(row, key)
    return "" if found is None else number(found, percent)


def _ends(run: Run, keys: Sequence[str], percent: bool) -> tuple[list[str], list[list[str]]]:
    """Means over the first and the last few steps for each key: one step alone is noise."""
    size = max(1, min(5, len(run.metrics) // 2))
    ends = [run.metrics[:size], run.metrics[-size:]]
    head = [f"steps {end[0]['step']:g} to {end[-1]['step']:g}" for end in ends]
    rows = []
    for key in keys:
        found = [[y for _, y in points(end, key)] for end in ends]
        rows.append([key.partition("/")[2] or key, *(number(fmean(ys), percent) if ys else "" for ys in found)])
    return head, rows


def reward_parts(run: Run) -> str:
    """The total reward and its parts, at the beginning and at the end."""
    keys = sorted({key for row in run.metrics for key in row if key.startswith("reward/")})
    if not run.metrics or not (keys or points(run.metrics, "reward")):
        return page.section("Rewards", page.paragraph("No reward was recorded."))
    head, rows = _ends(run, ["reward", *keys], False)
    return page.section("Rewards", page.table("Mean reward of a reply, and its parts", ["part", *head], rows))


def reasons(run: Run) -> str:
    """Why replies fell short, in training and in the last evaluation of each task; grader failures apart."""
    parts = []
    if keys := sorted({key for row in run.metrics for key in row if key.startswith("reason/")}):
        head, rows = _ends(run, keys, True)
        parts.append(page.table("Share of training replies", ["reason", *head], rows))
    for task, found in tasks(run.evals).items():
        shares = found[-1].get("reasons") if found else None
        if isinstance(shares, dict) and shares:
            total = (value(found[-1], "questions") or 0) * (value(found[-1], "samples") or 0)
            counts = sorted(((why, value(shares, why) or 0.0) for why in shares), key=lambda pair: -pair[1])
            lines = [[why, number(part, True), f"{part * total:,.0f}"] for why, part in counts]
            parts.append(page.table(f"Last evaluation of {task}", ["reason", "share", "replies"], lines))
    failed = sum(count for _, count in points(run.metrics, "failed"))
    parts.append(page.paragraph(f"Replies whose grader failed, left out of training: {failed:,.0f}."))
    return page.section("What went wrong", *parts)


def probes(run: Run) -> str:
    """The same prompts at a few steps: what the model wrote as it learned."""
    chosen, troubles = probe_replies(run.root)
    parts = [_probe(rows, opened=rows is chosen[0]) for rows in chosen]
    nothing = [page.paragraph("No replies to fixed prompts were kept.")]
    return page.section("The same prompts at five steps", *(parts or nothing), *map(page.paragraph, troubles))


def _probe(rows: Sequence[Row], opened: bool) -> str:
    prompt = str(rows[0].get("prompt") or "")
    bodies = [page.listing(prompt)]
    for row in rows:
        reward, tokens = value(row, "reward"), value(row, "tokens")
        said = [f"step {row['step']}", "grader failed" if reward is None else f"reward {number(reward)}"]
        said += [str(row["reason"])] if row.get("reason") else []
        said += [_count(int(tokens), "token")] if tokens is not None else []
        said += ["cut off"] if row.get("finish") == "length" else []
        bodies.append(page.folded(", ".join(said), page.listing(str(row.get("reply") or "")), opened=True))
    return page.folded(" ".join(prompt.split())[:160] or str(rows[0].get("problem")), "".join(bodies), opened)


def settings(run: Run) -> str:
    """What the run was told."""
    told = page.listing(run.settings, 60_000) if run.settings else page.paragraph("No settings were recorded.")
    return page.section("Settings", told)


def environment(run: Run) -> str:
    """Where it ran, once for each start, and the command that repeats it."""
    if not run.environment:
        return page.section("Environment", page.paragraph("No environment was recorded."))
    first, *again = run.environment
    lines = [[key, found if isinstance(found, str) else json.dumps(found)] for key, found in first.items()]
    body = page.table("First start", ["key", "value"], lines)
    if again:
        body += page.folded(f"Started again: {len(again)}", page.listing(json.dumps(again, indent=1), 60_000))
    command = first.get("command") or first.get("argv") or ""
    if isinstance(command, list):
        command = shlex.join([Path(str(command[0])).name, *map(str, command[1:])])
    said = str(command)
    repeat = page.listing(said) if said else page.paragraph("The command was not recorded; the settings say it all.")
    return page.section("Environment", body) + page.section("Run it again", repeat)


SECTIONS = (figures, evaluations, reward_parts, reasons, probes, settings, environment)
