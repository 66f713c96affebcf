"""The report of a run of stages: the tree, the stage table beside the paper's, curves, data, replies, health, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from aha.pipeline import account, comparison, shape
from aha.pipeline.account import Sheet
from aha.pipeline.cost import cost_of
from aha.pipeline.shape import Change, is_clear, signed
from aha.pipeline.whole import Whole, load_whole
from aha.record import Run, points, value
from aha.report import claims, curves, findings, replies
from aha.report.blocks import (
    Block,
    Chart,
    Charts,
    Document,
    Fact,
    Facts,
    Finding,
    Findings,
    Fold,
    Level,
    Result,
    Section,
    Table,
    Text,
)  # fmt: skip
from aha.report.picked import Found, scan
from aha.report.stages_replies import environment, prompts, settings
from aha.report.tables import percent, span
from aha.stats import Interval
from aha.svg import Line


def document(root: Path) -> Document:
    """The report of a run of stages. Raises RunError when the folder is none."""
    run = load_whole(root)
    found = {name: scan(log.root) for name, log in reinforced(run).items()}
    sections = [
        Section("What came of it", opening(run)),
        Section("Stage table", models(run)),
        Section("Beside the paper", beside_the_paper(run)),
        Section("Stages and cost", [_table(account.stages(run))] if run.stages else []),
        Section("Is it healthy?", health(run, found)),
        Section("Reinforcement", [Fold(name, _curves(log), opened=True) for name, log in reinforced(run).items()]),
        Section("Fine-tuning and reward models", learning(run)),
        Section("What the filters took", [_table(sheet) for sheet in account.filters(run)]),
        Section("Data card", [_table(sheet) for sheet in account.data_card(run)]),
        Section("The same prompts through all stages", prompts(run)),
        Section("Replies worth reading", [Fold(name, replies.picked(seen)) for name, seen in found.items()]),
        Section("Claims", claims.blocks(root)),
        Section("Settings", settings(run)),
        Section("Environment", environment(run)),
    ]  # fmt: skip
    about = f"Run report: {len(run.stages)} stages, {len(run.exams)} models measured"
    return Document(root.resolve().name, about, sections, facts(run))


def reinforced(run: Whole) -> dict[str, Run]:
    """The stages of reinforcement."""
    return {name: log for name, log in run.logs.items() if points(log.metrics, "reward")}


def opening(run: Whole) -> list[Block]:
    """The headline, what it cost, and what each step changed."""
    found = shape.changes(run)
    blocks: list[Block] = [*headline(run, found[0])] if found else []
    blocks.append(Facts(tiles(run, found)))
    if not found:
        nothing = "No two models of this run were measured yet, so there is nothing to compare."
        scorers = [f"The scorer: {stage.record['headline']}." for stage in run.holding("measured")]
        blocks.insert(0, Text(scorers[-1] if scorers else nothing, "lead"))
    said = [_said(change) for change in found if change.here]
    said += [Finding("problem", "Missing:", trouble) for trouble in run.troubles]
    return [*blocks, Findings(said)] if said else blocks


def headline(run: Whole, change: Change) -> list[Block]:
    """The first evaluation before and after the whole recipe, or the first step that was measured."""
    names = shape.evaluations(run.exams)
    before, after = (shape.measures(run.exams[model], names) for model in (change.before, change.after))
    name = next((name for name in change.here), "")
    if not name:
        return []
    title = f"Right at the first try ({name}), {change.before} and {change.after}"
    moved = f"{signed(change.here[name])} points; in brackets 95 % intervals over questions."
    return [Result(title, percent(before[name]), span(before[name]), percent(after[name]), span(after[name]), moved)]


def tiles(run: Whole, found: Sequence[Change]) -> list[Fact]:
    """The other measures of the first change, and the cost of everything."""
    shown = []
    if found:
        names = shape.evaluations(run.exams)
        before, after = (shape.measures(run.exams[model], names) for model in (found[0].before, found[0].after))
        for name, moved in list(found[0].here.items())[1:]:
            value_ = f"{100 * before[name].mean:.0f} → {100 * after[name].mean:.0f} %"
            shown.append(
                Fact(name.capitalize(), value_, f"{signed(moved)} points{'' if is_clear(moved) else ', may be chance'}")
            )
    if run.stages:
        spent = cost_of(run.stages)
        note = f"{spent.sampled / 1e6:.2f} M tokens sampled, {spent.trained / 1e6:.2f} M trained, {spent.core_hours:.2f} core-hours"
        shown.append(Fact("Cost", f"{spent.seconds / 60:.1f} minutes", note))
    return shown


def _said(change: Change) -> Finding:
    """A step's sentence, by what it did to what the first evaluation asks."""
    clear = [moved for moved in change.here.values() if is_clear(moved)]
    worse = any(moved.mean < 0 for moved in clear)
    level: Level = "watch" if worse else "good" if clear else "note"
    title, _, rest = shape.sentence(change).partition(" changed ")
    return Finding(level, f"{title}:", rest)


def facts(run: Whole) -> dict[str, Any]:
    """The headline for programs."""
    changes = [
        {"step": change.title, "before": change.before, "after": change.after,
         "here": {name: _ends(moved) for name, moved in change.here.items()}, "paper": change.paper}
        for change in shape.changes(run)
    ]  # fmt: skip
    spent = cost_of(run.stages)
    cost = {"seconds": spent.seconds, "sampled_tokens": spent.sampled, "trained_tokens": spent.trained,
            "operations": spent.flops, "core_hours": spent.core_hours}  # fmt: skip
    models = {model: {name: _mean(row) for name, row in results.items()} for model, results in run.exams.items()}
    return {"kind": "stages", "stages": [stage.name for stage in run.stages], "changes": changes, "models": models,
            "cost": cost, "troubles": list(run.troubles)}  # fmt: skip


def _ends(found: Interval) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _mean(row: dict[str, Any]) -> dict[str, float] | None:
    found = shape.interval(row, "pass@1")
    return _ends(found) if found else None


def models(run: Whole) -> list[Block]:
    """The stage table, the students, and every other measure folded below."""
    sheet = comparison.stage_table(run)
    if not sheet.rows:
        return [] if run.holding("measured") else [Text("Nothing was measured yet.")]
    more = [Fold(other.caption, [_table(other, wide=True)]) for other in comparison.manners(run)]
    learners = comparison.students(run)
    return [_table(sheet, wide=True), *([_table(learners, wide=True)] if learners.rows else []), *more]


def beside_the_paper(run: Whole) -> list[Block]:
    """What each step changed, here and there; nothing until a step that the paper took was measured."""
    found = shape.changes(run)
    if not any(change.paper for change in found):
        return []
    return [_table(comparison.changes(found), wide=True), _table(comparison.paper(), wide=True)]


def health(run: Whole, seen: Mapping[str, Found]) -> list[Block]:
    """Each stage's findings, those to look at first, and the stages that are slow for what they do."""
    found = slow(run)
    for name, log in reinforced(run).items():
        said = findings.health(log, _dtype(run, name)) + replies.suspected(seen[name])
        found += [Finding(one.level, f"{name}, {one.title}", one.words) for one in said]
    loud = [one for one in found if one.level != "good"]
    calm = [one for one in found if one.level == "good"]
    shown: list[Block] = [Findings(loud)] if loud else [Text("Nothing to object to.")] if calm else []
    return [*shown, Fold(f"{len(calm)} checks found nothing", [Findings(calm)])] if calm else shown


def _dtype(run: Whole, name: str) -> str:
    machines = [stage.record["machine"] for stage in run.holding("machine") if stage.name == name]
    return str(machines[0].get("dtype")) if machines and isinstance(machines[0], dict) else ""


def slow(run: Whole) -> list[Finding]:
    """Stages that sample or train far fewer tokens a second than others of their kind."""
    found = []
    for kind in ("sampled", "trained"):
        speeds = {
            stage.name: tokens / seconds
            for stage in run.stages
            if (tokens := value(stage.record, f"{kind}_tokens")) and (seconds := value(stage.record, "seconds"))
            and ("sampled_tokens" in stage.record) == (kind == "sampled")
        }  # fmt: skip
        usual = median(speeds.values()) if len(speeds) > 2 else 0.0
        found += [
            Finding("watch", f"{name} was slow:", f"{speed:,.0f} tokens {kind} a second; stages like it {usual:,.0f}.")
            for name, speed in speeds.items() if speed < usual / 4
        ]  # fmt: skip
    return found


def _curves(log: Run) -> list[Block]:
    """The curves of one stage of reinforcement."""
    watched = [*curves.health(log.metrics), *curves.time(log.metrics)]
    main = Charts(curves.main(log.metrics, log.evals))
    return [main, Fold("Is it healthy?", [Charts(watched, small=True)])] if watched else [main]


def learning(run: Whole) -> list[Block]:
    """Losses of fine-tuning, and how right the reward models are."""
    losses = [
        Line(name, found)
        for name, log in run.logs.items()
        if _is_tuning(log) and (found := points(log.metrics, "loss"))
    ]
    scorers = [Line(name, found) for name, log in run.logs.items() if (found := points(log.metrics, "accuracy"))]
    charts = [
        Chart(title, note, lines, percent=as_share)
        for title, note, lines, as_share in (
            ("Fine-tuning", "Nats per token of the examples.", losses, False),
            ("Reward models", "Share of training choices right, of each step's own.", scorers, True),
        )
        if lines
    ]
    sheet = account.reward_models(run)
    return [*([Charts(charts)] if charts else []), *([_table(sheet)] if sheet.rows else [])]


def _is_tuning(log: Run) -> bool:
    """Whether a stage only learns from examples: neither rewards nor choices."""
    return not any(points(log.metrics, key) for key in ("reward", "accuracy"))


def _table(sheet: Sheet, wide: bool = False) -> Table:
    return Table(sheet.caption, sheet.head, sheet.rows, wide)
