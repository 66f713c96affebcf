"""The record of `aha scale` as words and tables, for a terminal, a Markdown file and a page."""

from __future__ import annotations

from typing import Any

from aha.evaluation.optimal import BINS
from aha.svg import number

Record = dict[str, Any]
Table = tuple[str, list[str], list[list[str]]]
"""Caption, head, rows."""


def percent(found: Record) -> str:
    """62.0 % (52.1 to 71.0)"""
    low, high = found["low"], found["high"]
    mean = found["accuracy"] if "accuracy" in found else found["mean"]
    return f"{100 * mean:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def points(interval: Record) -> str:
    """+4.2 (+0.5 to +7.9)"""
    return f"{100 * interval['mean']:+.1f} ({100 * interval['low']:+.1f} to {100 * interval['high']:+.1f})"


def head(record: Record) -> list[str]:
    """What was run."""
    scorers = ", ".join(record["scorers"]) or "none"
    failed = f"; {record['failed']} more are left out, since a grader failed at them" if record["failed"] else ""
    replies = ", ".join(f"{kind} {100 * share:.1f} %" for kind, share in record["replies"].items())
    return [
        f"{record['model']} on {record['task']}, {record['questions']} questions{failed}; scorers: {scorers}.",
        f"{record['samples']} samples a question at temperature {record['temperature']:g}, top-p {record['top_p']:g}, at most "
        f"{record['max_tokens']} tokens, seed {record['seed']}. Of the samples: {replies}.",
        "Intervals are at 95 % and over questions. Tokens are those drawn from the model and those read by scorers, a question.",
    ]


def verdicts(record: Record) -> list[str]:
    """Who wins at which budget, each with its interval."""
    return [_verdict(one) for one in record["rounds"] if one["methods"]]


def _verdict(one: Record) -> str:
    best = one["methods"][0]
    said = f"At {number(round(one['tokens']))} tokens a question: {named(best)}, {percent(best)}"
    if one["lead"] is None:
        return said + "; nothing else fits."
    lead = one["lead"]
    clear = "ahead of" if lead["low"] > 0 else "not told apart from"
    return f"{said}, {clear} {one['rival']}: {points(lead)} points."


def named(spent: Record) -> str:
    """A method at a budget: "vote 8", or "beam 4 to 16" for a mixture of two sizes."""
    return f"{spent['method']} {' to '.join(map(str, spent['sizes']))}"


def all_points(record: Record) -> Table:
    """Every method at every size."""
    top = [
        "method",
        "size",
        "right",
        "tokens",
        "of scorers",
        "in a row",
        "operations",
        "seconds",
        "no answer",
        "cut off",
        "front",
    ]
    rows = [
        [
            p["method"], str(p["size"]), percent(p), number(round(p["total"])), number(round(p["scorer_tokens"])),
            number(round(p["passes"])), f"{p['flops']:.2e}", f"{p['seconds']:.3f}", f"{100 * p['no_answer']:.1f} %",
            f"{100 * p['cut_off']:.1f} %", "*" if p["front_total"] else "",
        ]
        for p in record["points"]
    ]  # fmt: skip
    return "Everything that was run (* on the Pareto front of accuracy against tokens)", top, rows


def at_equal_tokens(record: Record) -> Table:
    """Methods by budgets: accuracy, and points over the plain vote with their interval."""
    names = dict.fromkeys(spent["method"] for one in record["rounds"] for spent in one["methods"])
    cells = {(r, spent["method"]): spent for r, one in enumerate(record["rounds"]) for spent in one["methods"]}

    def cell(r: int, name: str) -> str:
        spent = cells.get((r, name))
        if spent is None:
            return ""
        over = f"; {points(spent['over_vote'])}" if spent["over_vote"] else ""
        return f"{100 * spent['mean']:.1f} %{over}"

    rows = [[name, *(cell(r, name) for r in range(len(record["rounds"])))] for name in names]
    top = ["method", *(f"{number(round(one['tokens']))} tokens" for one in record["rounds"])]
    return "At equal tokens: right, and points more than the plain vote with their interval", top, rows


def by_difficulty(record: Record) -> list[Table]:
    """Compute-optimal choices: for each way to tell how easy a question is, every budget."""
    found = []
    for name, rows in record.get("optimal", {}).items():
        top = [
            "tokens",
            "by difficulty",
            "takes",
            "best single",
            "takes",
            "difference",
            "fewer tokens",
            "at best by bins",
        ]
        cells = [
            [
                number(round(one["budget"])), percent(one["optimal"]), number(round(one["optimal"]["tokens"])),
                percent(one["single"]), number(round(one["single"]["tokens"])), points(one["lead"]),
                f"{'' if one['reached'] else 'over '}{one['times_fewer']:.1f} times", percent(one["oracle"]),
            ]
            for one in rows
        ]  # fmt: skip
        found.append((f"The method chosen by difficulty, told by {told_by(name)}, on other questions", top, cells))
    return found


def told_by(name: str) -> str:
    """How a question's ease was found."""
    return {
        "pass@1": "the share of right samples (it needs the answers)",
        "agreement": "how far samples agree",
    }.get(name, f"the {name} model's mean score")


def choices_by_bin(record: Record, budget: int = -1) -> Table:
    """What was chosen for each bin of difficulty at one budget, by each fold."""
    rows = []
    for name, allocations in record.get("optimal", {}).items():
        for fold, chosen in enumerate(allocations[budget]["chosen"], 1):
            rows.append([f"{name}, fold {fold}", ", ".join(chosen), allocations[budget]["alone"][fold - 1]])
    return "What was chosen, the hardest bin first, at the largest budget", ["ease by", "bins", "best single"], rows


def bin_size(record: Record) -> str:
    """How many questions choose for a bin: few choose badly."""
    return (
        f"Each bin's method is chosen on about {max(1, round(record['questions'] / 2 / BINS))} questions; "
        "with few of them chance chooses too, and a single method does better."
    )


def stopped(record: Record) -> list[str]:
    """What short-m would save on an engine that stops the others."""
    full = [p for p in record["points"] if p["method"] == "short" and p["size"] == record["samples"]]
    return [
        f"short {p['size']} is billed for all its samples, since they are drawn to their ends. Stopped when the third "
        f"had ended, they would have been {number(round(record['stopped']['tokens']))} tokens instead of "
        f"{number(round(p['tokens']))}, and {number(round(record['stopped']['passes']))} in a row."
        for p in full
    ]


def markdown(record: Record) -> str:
    """Everything as one Markdown file."""
    tables = [at_equal_tokens(record), *by_difficulty(record)]
    if record.get("optimal"):
        tables.append(choices_by_bin(record))
    tables.append(all_points(record))
    parts = ["# Accuracy against tokens", *head(record), "## Which method at which budget"]
    parts += ["\n".join(f"* {line}" for line in verdicts(record)), FLATTERY, *stopped(record)]
    parts += [bin_size(record)] if record.get("optimal") else []
    parts += [f"## {table[0]}\n\n{pipes(table)}" for table in tables]
    return "\n\n".join(parts) + "\n"


FLATTERY = (
    "A budget between two sizes is spent by taking the larger one for a part of the questions. The best method is picked on "
    "the questions it is compared on, which flatters it a little; the tables by difficulty choose on one half of the "
    "questions and test on the other."
)


def pipes(table: Table) -> str:
    """A table in Markdown."""
    _, top, rows = table
    lines = [top, ["---"] * len(top), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)
