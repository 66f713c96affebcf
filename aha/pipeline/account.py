"""What a run of stages did, as tables of text that a page or a Markdown file shows: the stages and their cost, what the
filters took, the data card, the reward models, where it ran, and what the models said.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aha.pipeline.cost import cost_of
from aha.pipeline.runner import Stage
from aha.pipeline.shape import evaluations, interval
from aha.pipeline.show import parent_of
from aha.pipeline.whole import Whole
from aha.record import Row, evenly, value
from aha.stats import Interval
from aha.svg import number


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text; its first column names the rows."""

    caption: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)


def share(found: Interval | None) -> str:
    """64.0 (61–67), in percent"""
    return "" if found is None else f"{100 * found.mean:.1f} ({100 * found.low:.0f}–{100 * found.high:.0f})"


def stages(run: Whole) -> Sheet:
    """The tree of stages with what came of each and what it cost; all measuring is one line."""
    sheet = Sheet(
        "Each stage under the one it came from", ["stage", "what came of it", "minutes", "M sampled", "M trained", "operations"]
    )  # fmt: skip
    exams = run.holding("results")
    done = [stage for stage in run.stages if stage not in exams]
    for depth, name, stage in _branches(done):
        if stage is None:
            sheet.rows.append([f"{name} (given)", *[""] * 5])
            continue
        others = [str(told["stage"]) for told in stage.record["inputs"].values() if told["stage"] != parent_of(stage)]
        label = "\u00a0\u00a0" * depth + stage.name + (f" + {', '.join(others)}" if others else "")
        sheet.rows.append([label, str(stage.record.get("headline", "")), *_price([stage])])
    if exams:
        sheet.rows.append(["measuring", f"{len(exams)} models on every evaluation", *_price(exams)])
    sheet.rows.append(["all", "", *_price(run.stages)])
    return sheet


def _branches(done: Sequence[Stage]) -> Iterator[tuple[int, str, Stage | None]]:
    """(depth, name, stage) from the roots down; a model that no stage made has None."""
    names = {stage.name for stage in done}
    parents = {stage.name: parent_of(stage) if stage.record["inputs"] else "" for stage in done}

    def below(name: str, depth: int) -> Iterator[tuple[int, str, Stage | None]]:
        for stage in done:
            if parents[stage.name] == name and stage.name != name:
                yield depth, stage.name, stage
                yield from below(stage.name, depth + 1)

    for root in dict.fromkeys(parent for parent in parents.values() if parent not in names):
        if root:
            yield 0, root, None
        yield from below(root, 1)


def _price(chosen: Sequence[Stage]) -> list[str]:
    cost = cost_of(chosen)
    tokens = [f"{n / 1e6:.2f}" if n else "" for n in (cost.sampled, cost.trained)]
    return [f"{cost.seconds / 60:.1f}", *tokens, f"{cost.flops:.1e}" if cost.flops else ""]


def filters(run: Whole) -> list[Sheet]:
    """For each collection of replies: how many were kept, and why the others were not."""
    sheets = []
    for stage in run.holding("reasons"):
        record = stage.record
        reasons = record["reasons"] if isinstance(record["reasons"], dict) else {}
        counts = {"kept": value(record, "kept")} | {str(why): value(reasons, why) for why in reasons}
        total = value(record, "in") or sum(n or 0 for n in counts.values()) or 1
        rows = [[why, f"{n:,.0f}", number(n / total, True)] for why, n in counts.items() if n is not None]
        sheets.append(Sheet(f"{stage.name}: {total:,.0f} replies", ["", "replies", "share"], rows))
    return sheets


def data_card(run: Whole) -> list[Sheet]:
    """The second data set by domain, as the paper's table of its 800 thousand examples."""
    sheets = []
    for stage in run.holding("domains"):
        domains = stage.record["domains"]
        told = {k: row for k, row in domains.items() if isinstance(row, dict)} if isinstance(domains, dict) else {}
        sheet = Sheet(
            f"{stage.name}: left out {_count(stage.record, 'repeated')} repeated examples and "
            f"{_count(stage.record, 'overlapping')} whose prompt overlaps an evaluation",
            ["domain", "examples", "mean tokens", "languages", "sources", "without thinking"],
        )
        for name, row in told.items():
            counts = [_shares(row.get(key)) for key in ("languages", "sources")]
            cells = [_count(row, key) for key in ("examples", "mean_tokens", "without_thinking")]
            sheet.rows.append([str(name), cells[0], cells[1], *counts, cells[2]])
        total = sum(value(row, "examples") or 0 for row in told.values())
        sheets.append(Sheet(sheet.caption, sheet.head, [*sheet.rows, ["all", f"{total:,.0f}", *[""] * 4]]))
    return sheets


def _shares(counts: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) if isinstance(counts, dict) else ""


def _count(row: Row, key: str) -> str:
    found = value(row, key)
    return "" if found is None else f"{found:,.0f}"


def reward_models(run: Whole) -> Sheet:
    """Held-out accuracy of each reward model."""
    rows = [
        [stage.name, share(interval(stage.record, "accuracy")), _count(stage.record, "rows")]
        for stage in run.holding("accuracy")
    ]
    return Sheet("Held-out choices right, in percent with 95 % intervals", ["", "accuracy", "rows trained on"], rows)


def origin(run: Whole) -> dict[str, str]:
    """Where a run comes from: command, date, machine, versions, seed, cost; what is unknown is left out."""
    starts = [start for log in run.logs.values() for start in log.environment]
    first: dict[str, Any] = starts[0] if starts else {}
    machine: Row = next((s.record["machine"] for s in run.stages if isinstance(s.record.get("machine"), dict)), {})
    began = [when for stage in run.stages if (when := value(stage.record, "began"))]
    date = datetime.fromtimestamp(min(began), UTC).date().isoformat() if began else ""
    argv = first.get("argv")
    command = shlex.join(["aha", *map(str, argv[1:])]) if isinstance(argv, list) and argv else ""
    told = {"command": command, "began": date, "cost": cost_of(run.stages).in_words() if run.stages else ""}
    told |= {key: str(first.get(key) or "") for key in ("cpu", "cpus", "platform", "aha", "python", "torch")}
    told |= {key: str(machine[key]) for key in ("seed", "dtype") if key in machine}
    threads = {str(stage.record["threads"]) for stage in run.holding("threads")}
    told |= {"threads": ", ".join(sorted(threads))}
    return {key: found for key, found in told.items() if found}


def same_prompts(run: Whole, most: int = 10) -> list[tuple[str, str, dict[str, str]]]:
    """(evaluation, prompt, first reply by model): the same questions put to every model, spread over evaluations."""
    exams = run.exams
    found: dict[tuple[int, str, str], dict[str, str]] = {}
    for model, results in exams.items():
        for name, row in results.items():
            examples = row.get("examples")
            told = [x for x in examples if isinstance(x, dict)] if isinstance(examples, list) else []
            for i, example in enumerate(told):
                key = (i, name, str(example.get("prompt") or ""))
                found.setdefault(key, {})[model] = str(example.get("reply") or "")
    order = {name: i for i, name in enumerate(evaluations(exams))}
    keys = sorted(found, key=lambda key: (key[0], order[key[1]]))
    firsts = [key for key in keys if key[0] == 0]
    chosen = [firsts[i] for i in evenly(range(len(firsts)), most)] if len(firsts) > most else keys[:most]
    return [(name, prompt, found[i, name, prompt]) for i, name, prompt in sorted(chosen, key=lambda key: order[key[1]])]
