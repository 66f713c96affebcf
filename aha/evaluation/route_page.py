"""The folder of `aha route`: results.json, classifier.json, route.md, drawings, and one page that opens offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aha import disk, page
from aha.evaluation.scale_figure import Trace, front_chart
from aha.evaluation.scale_lines import Table, percent, pipes, points
from aha.search.simple import FEATURES, Simple
from aha.svg import number

Record = dict[str, Any]
PARTS = ("all", "simple", "hard")
"""What a drawing is made of."""


def write(folder: Path, record: Record, model: Simple) -> Path:
    """Write everything; returns the page. Raises RunError where the folder cannot be written."""
    drawings = {part["name"]: drawn(part) for part in record["parts"] if part["name"] in PARTS}
    files = {
        "results.json": json.dumps(record, indent=1, ensure_ascii=False) + "\n",
        "route.md": markdown(record, model), "route.html": document(record, model, drawings),
        **{f"route-{name}.svg": drawing + "\n" for name, drawing in drawings.items()},
    }  # fmt: skip
    with disk.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            disk.write_whole(folder / name, text.encode("utf-8", "replace"))
    model.save(folder / "classifier.json")
    return folder / "route.html"


def drawn(part: Record) -> str:
    """Accuracy against tokens of every rule; the thresholds of one rule are a line."""
    lines: dict[str, list[Record]] = {}
    for rule in part["rules"]:
        lines.setdefault(_family(rule["rule"]), []).append(rule)
    traces = []
    for name, row in lines.items():
        row = sorted(row, key=lambda rule: rule["tokens"])
        marks = [(rule["tokens"], rule["mean"]) for rule in row]
        traces.append(Trace(name, marks, [(rule["low"], rule["high"]) for rule in row], [rule["rule"] for rule in row]))
    return front_chart(f"Routing: {part['name']} questions", traces)


def _family(rule: str) -> str:
    """A rule's name without its threshold."""
    words = rule.split()
    return " ".join(words[:-1]) if words[-1][0].isdigit() else rule


def head(record: Record) -> list[str]:
    """What was run."""
    failed = f"; {record['failed']} more are left out, since a grader failed at them" if record["failed"] else ""
    think = "one greedy thought" if record["votes"] == 1 else f"{record['votes']} thoughts that vote"
    return [
        f"{record['model']}: {record['questions']} questions{failed}. Thinking is {think} of at most {record['max_tokens']} "
        f"tokens; agreement is that of {record['glances']} direct samples; seed {record['seed']}.",
        "Intervals are at 95 % and over questions. Saved is against thinking about every question. Regret is how many points "
        "an oracle is ahead that knows when thinking is needed. The classifier is tested on questions it was not fitted to.",
    ]


def table(part: Record) -> Table:
    """Every rule on one kind of questions."""
    top = [
        "rule",
        "right",
        "tokens",
        "thought about",
        "saved",
        "against always thinking",
        "regret",
        "tokens over the oracle",
    ]
    rows = [
        [
            rule["rule"], percent(rule), number(round(rule["tokens"], 1)), f"{100 * rule['thought']:.0f} %",
            f"{100 * rule['saved']:.0f} %", *(points(rule[x]) if rule[x] else "" for x in ("over_think", "regret")),
            number(round(rule["regret_tokens"], 1)),
        ]
        for rule in part["rules"]
    ]  # fmt: skip
    return "Every rule: what is right, and tokens a question", top, rows


def weights(model: Simple) -> Table:
    """What the classifier has learnt."""
    rows = [[name, f"{weight:+.2f}"] for name, weight in zip(FEATURES, model.weight_F, strict=True)]
    return "The classifier's weights, for features in standard deviations", ["feature", "weight"], rows


def markdown(record: Record, model: Simple) -> str:
    """Everything as one Markdown file."""
    tables = [(titled(part), table(part)) for part in record["parts"]] + [("The classifier", weights(model))]
    return "\n\n".join(["# Routing", *head(record), *(f"## {name}\n\n{pipes(one)}" for name, one in tables)]) + "\n"


def titled(part: Record) -> str:
    """The heading of a kind of questions."""
    return f"{part['name'][0].upper()}{part['name'][1:]}{' questions' if part['name'] in PARTS else ''}"


def document(record: Record, model: Simple, drawings: dict[str, str]) -> str:
    """The page."""
    what, how = head(record)
    parts = [
        page.section(titled(part), _figure(drawings.get(part["name"], "")), page.table(*table(part)))
        for part in record["parts"]
    ]  # fmt: skip
    return page.document(
        "Routing", page.paragraph(what, "lead"), page.paragraph(how, "soft"), *parts,
        page.section("The classifier", page.table(*weights(model))),
    )  # fmt: skip


def _figure(drawing: str) -> str:
    note = "A line is one rule at several thresholds; bands and bars are 95 % intervals; rings mark the Pareto front."
    return page.figure("Accuracy against tokens", note, drawing) if drawing else ""
