"""A run of stages -> the parts of one page: the tree, the stage table beside the paper's, curves, data, replies.

The page is made from the files alone and is like that of a single run: it opens offline, the same folder gives the
same bytes, what is missing becomes a sentence, and model text is shown as text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from aha import page
from aha.figures import health_figures, main_figures, time_figure
from aha.pipeline import account, comparison, shape
from aha.pipeline.account import Sheet
from aha.pipeline.cost import cost_of
from aha.pipeline.whole import Whole, load_whole
from aha.record import Run, points
from aha.svg import Line, line_chart


def bodies(root: Path) -> list[str]:
    """The parts of the page of a run of stages."""
    run = load_whole(root)
    return [part(run) for part in SECTIONS]


def headline(run: Whole) -> str:
    """What the steps changed, what all of it cost, and what is missing."""
    found = [said for change in shape.changes(run) if (said := shape.sentence(change))]
    if not found:
        found = ["No two models of this run were measured yet, so there is nothing to compare."]
    cost = f"{len(run.stages)} stages: {cost_of(run.stages).in_words()}." if run.stages else ""
    lead = page.paragraph(found[0], "lead")
    return lead + "".join(page.paragraph(said) for said in [*found[1:], cost, *run.troubles] if said)


def stages(run: Whole) -> str:
    """The tree with counts, results and costs."""
    return page.section("Stages", _table(account.stages(run))) if run.stages else ""


def models(run: Whole) -> str:
    """The stage table, the students, and every other measure folded below."""
    sheet = comparison.stage_table(run)
    if not sheet.rows:
        return page.section("Stage table", page.paragraph("Nothing was measured yet."))
    learners = comparison.students(run)
    more = "".join(page.folded(other.caption, _wide(other)) for other in comparison.manners(run))
    return page.section("Stage table", _wide(sheet), _wide(learners), more)


def beside_the_paper(run: Whole) -> str:
    """What each step changed, here and there."""
    found = shape.changes(run)
    shown = [_wide(comparison.changes(found))] if found else []
    return page.section("Beside the paper", *shown, _wide(comparison.paper()))


def reinforcement(run: Whole) -> str:
    """The curves of each stage of reinforcement."""
    return "".join(_curves(name, log) for name, log in run.logs.items() if points(log.metrics, "reward"))


def _curves(name: str, log: Run) -> str:
    watched = [
        Line(label, points(log.metrics, key))
        for label, key in (("learned reward", "reward/preferred"), ("strict rule", "reward/strict"))
    ]
    charts = main_figures(log.metrics, log.evals)
    if any(line.points for line in watched):
        note = (
            "Replies to general prompts. The strict rule teaches nothing: it falls when the reward model is deceived."
        )
        charts.insert(
            0, page.figure("Learned reward, watched", note, line_chart("Learned reward", watched, percent=True))
        )
    health = health_figures(log.metrics) + [time_figure(log.metrics)]
    said = shape.deception(log.metrics)
    return page.section(
        f"Reinforcement: {name}", page.paragraph(said) if said else "", page.grid(charts),
        page.folded("Is it healthy?", page.grid([chart for chart in health if chart], small=True)),
    )  # fmt: skip


def learning(run: Whole) -> str:
    """Losses of fine-tuning, and how right the reward models are."""
    losses = [Line(name, points(log.metrics, "loss")) for name, log in run.logs.items() if _is_tuning(log)]
    scorers = [Line(name, points(log.metrics, "accuracy")) for name, log in run.logs.items()]
    charts = [
        page.figure(title, note, line_chart(title, lines, percent=percent))
        for title, note, lines, percent in (
            ("Fine-tuning", "Nats per token of the examples.", losses, False),
            ("Reward models", "Share of training choices right, of each step's own.", scorers, True),
        )
        if any(line.points for line in lines)
    ]
    sheet = account.reward_models(run)
    body = (page.grid(charts) if charts else "") + _table(sheet)
    return page.section("Fine-tuning and reward models", body) if body else ""


def _is_tuning(log: Run) -> bool:
    """Whether a stage only learns from examples: neither rewards nor choices."""
    return not any(points(log.metrics, key) for key in ("reward", "accuracy"))


def data(run: Whole) -> str:
    """What the filters took, and the data card."""
    parts = [_table(sheet) for sheet in account.filters(run)]
    took = page.section("What the filters took", page.grid(parts, small=True)) if parts else ""
    cards = [_table(sheet) for sheet in account.data_card(run)]
    return took + (page.section("Data card", *cards) if cards else "")


def prompts(run: Whole) -> str:
    """First replies to the same prompts: base beside trained, then the stages between, then the students."""
    found = account.same_prompts(run)
    title = "The same prompts through all stages"
    if not found:
        return page.section(title, page.paragraph("No replies were kept."))
    wanted, others = list(run.recipe_exams), [name for name in run.exams if name not in run.recipe_exams]
    ends = [*wanted[:1], *wanted[1:][-1:]]
    shown = []
    for i, (exam, prompt, replies) in enumerate(found):
        between = _replies([name for name in wanted if name not in ends], replies)
        learners = _replies(others, replies)
        body = page.listing(prompt) + _replies(ends, replies)
        body += page.folded("The stages between", between, opened=i == 0) if between else ""
        body += page.folded("Students", learners) if learners else ""
        shown.append(page.folded(f"{exam}: {' '.join(prompt.split())[:140]}", body, opened=i == 0))
    return page.section(title, page.paragraph("Each reply is the first of its model; none was chosen.", "soft"), *shown)


def _replies(names: Sequence[str], replies: dict[str, str]) -> str:
    shown = [page.figure(name, "", page.listing(replies[name])) for name in names if name in replies]
    return page.grid(shown) if shown else ""


def settings(run: Whole) -> str:
    """What each stage was told."""
    shown = []
    for stage in run.stages:
        told = stage.record.get("settings")
        lines = (
            [f"{key} = {json.dumps(found, ensure_ascii=False)}" for key, found in told.items()]
            if isinstance(told, dict)
            else []
        )
        if lines and "results" not in stage.record:
            shown.append(page.folded(stage.name, page.listing("\n".join(lines), 20_000)))
    return page.section("Settings", *shown) if shown else ""


def environment(run: Whole) -> str:
    """Where it ran, and the command that repeats it."""
    told = account.origin(run)
    command = told.pop("command", "")
    if not told:
        return page.section("Environment", page.paragraph("No environment was recorded."))
    body = page.section("Environment", page.table("The run", ["key", "value"], list(told.items())))
    return body + (page.section("Run it again", page.listing(command)) if command else "")


def _wide(sheet: Sheet) -> str:
    """A table of many columns: its cells stay on one line, so its long caption stands above it."""
    if not sheet.rows:
        return ""
    body = page.table("", sheet.head, sheet.rows)
    return f'{page.paragraph(sheet.caption, "soft")}<div style="white-space:nowrap">{body}</div>'


def _table(sheet: Sheet) -> str:
    return page.table(sheet.caption, sheet.head, sheet.rows) if sheet.rows else ""


SECTIONS = (
    headline, stages, models, beside_the_paper, reinforcement, learning, data, prompts, settings, environment,
)  # fmt: skip
