"""Small budgets on one page each: Sky-T1 (a curated set, one fine-tuning) and journey learning (arXiv 2410.18982).

Sky-T1      teacher --sample--> samples --reformat--> reformatted --reject--> curated
            base --SFT on the first N of it--> student-N, for several N
journey     puzzles --search trees--> traces: the shortcut and the journey of each
            base --SFT on shortcuts--> shortcut      base --SFT on journeys--> journey

Within a recipe every fine-tuning takes as many tokens, in about as many steps, so only what is read differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aha.models.folder import resolve
from aha.pipeline import small_work as work
from aha.pipeline.recipe_small import Journey, SkyT1
from aha.pipeline.runner import Runner, Stage
from aha.pipeline.screen import Screen


def sky_t1(s: SkyT1, screen: Screen) -> Path:
    """Run Sky-T1, or go on with it; returns the run folder."""
    with Runner(s.folder, s, screen) as run:
        base = run.given("base", resolve(s.base))
        teacher = run.given("teacher", resolve(s.teacher))

        samples = work.samples(run, s, teacher)
        reformatted = work.reformatted(run, s, samples)
        curated = work.curated(run, s, reformatted)
        students = []
        for size in sorted(set(s.sizes)):
            data = work.first(run, s, base, curated, size)
            students.append(work.fine_tuned(run, f"student-{size}", s, base, data, max(s.sizes)))

        exams = [work.exam(run, s, model) for model in (base, teacher, *students)]
        work.verdict(run, students[-1], [reformatted, *exams], lambda: _curated_set(reformatted, exams))
        run.ends_with(students[-1])
    return s.folder


def journey(s: Journey, screen: Screen) -> Path:
    """Run both arms of journey learning, or go on with them; returns the run folder."""
    with Runner(s.folder, s, screen) as run:
        base = run.given("base", resolve(s.base))

        traces = work.traces(run, s, base)
        arms = []
        for arm in ("shortcut", "journey"):
            data = work.reading(run, s, base, traces, arm)
            arms.append(work.fine_tuned(run, arm, s, base, data, traces.record["puzzles"]))

        exams = [work.exam(run, s, model) for model in (base, *arms)]
        work.verdict(run, arms[-1], [*arms[:-1], *exams], lambda: _two_arms(arms, exams))
        run.ends_with(arms[-1])
    return s.folder


def _curated_set(reformatted: Stage, exams: Sequence[Stage]) -> dict[str, Any]:
    """What reformatting did, how good each model is, what smaller sets lack, and what the largest gave."""
    before, after, gained = (reformatted.record[name] for name in ("before", "after", "gained"))
    lines = [
        f"teacher's samples right as they came {_percent(before)}, reformatted {_percent(after)}: "
        f"{100 * gained[0]:+.2f} points ({100 * gained[1]:+.2f} to {100 * gained[2]:+.2f})"
    ]
    base, _, *students = exams
    pairs = [*((small, students[-1]) for small in students[:-1]), (students[-1], base)]
    return _told(lines, exams, pairs)


def _two_arms(arms: Sequence[Stage], exams: Sequence[Stage]) -> dict[str, Any]:
    """What both arms cost, how good each model is, and what the journey gave over the shortcut."""
    lines = [f"{arm.name}: {arm.record['trained_tokens']:.0f} tokens trained, {arm.record['headline']}" for arm in arms]
    base, shortcut, journey = exams
    told = _told(lines, exams, [(shortcut, base), (journey, base), (journey, shortcut)])
    return told | {"arms": {arm.name: arm.record["trained_tokens"] for arm in arms}}


def _told(lines: list[str], exams: Sequence[Stage], pairs: Sequence[tuple[Stage, Stage]]) -> dict[str, Any]:
    """Lines on every model and on every pair of them, the most telling pair last, and their numbers."""
    right = {exam.name.removeprefix("exam-"): work.right(exam) for exam in exams}
    levels, gaps = {}, {}
    for name, right_QK in right.items():
        line, levels[name] = work.level(name, right_QK)
        lines.append(line)
    for a, b in ([exam.name.removeprefix("exam-") for exam in pair] for pair in pairs):
        line, gaps[f"{a} - {b}"] = work.gap(f"{a} against {b}", right[a], right[b])
        lines.append(line)
    return {"lines": lines, "levels": levels, "gaps": gaps}


def _percent(found: Sequence[float]) -> str:
    return f"{100 * found[0]:.1f} % ({100 * found[1]:.1f} to {100 * found[2]:.1f})"
