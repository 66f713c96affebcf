"""The models of a run side by side: the stage table, the students, and what each step changed, as tables of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aha.pipeline import shape
from aha.pipeline.account import Sheet, share
from aha.pipeline.shape import evaluations, interval, is_general, mean_of, signed
from aha.pipeline.whole import Whole
from aha.record import Row, value
from aha.stats import Interval
from aha.svg import number

Exams = Mapping[str, Mapping[str, Row]]
BEST = "★"
MANNERS = {
    "readable": ("readable", "Readable: whole, in one language, without repetition, summed up in words", True),
    "mixed_language": ("mix languages", "Replies that mix languages", True),
    "length_mean": ("length", "Length in tokens", False),
    "truncated": ("cut off", "Replies that ran out of tokens", True),
    "reflection": ("reflection", "Words of reflection a reply", False),
    "tokens": ("tokens", "Tokens sampled", False),
    "seconds": ("seconds", "Seconds", False),
}
"""What is said of replies beside whether they are right: in a row, in a caption, and whether it is a share."""
PROTOCOL = {
    "questions": "at most {} questions", "samples": "{} replies each", "temperature": "temperature {}",
    "top_p": "top-p {}", "max_tokens": "at most {} tokens",
}  # fmt: skip


def stage_table(run: Whole) -> Sheet:
    """Models as columns, evaluations as rows, as table 2 of the Nature paper."""
    exams = run.recipe_exams
    names = evaluations(exams)
    sheet = Sheet(
        f"Right at the first try, in percent with 95 % intervals{_protocol(exams)}; {BEST} best of its row and no other "
        "interval reaches it. Below, means over the evaluations, and sums of tokens and seconds",
        ["", *exams], [[name, *marked(_column(exams, [name], "pass@1"))] for name in names],
    )  # fmt: skip
    for title, general in (("all reasoning", False), ("all general", True)):
        chosen = [name for name in names if is_general(name) == general]
        if len(chosen) > 1:
            sheet.rows.append([f"{title} ({len(chosen)})", *marked(_column(exams, chosen, "pass@1"))])
    if len(names) > 1:
        sheet.rows.extend([title, *cells] for title, cells in _manners(exams, names) if any(cells))
    return sheet


def _manners(exams: Exams, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each manner over all evaluations: means, and sums of tokens and seconds."""
    for key, (title, _, percent) in MANNERS.items():
        if key == "readable":
            yield title, marked(_column(exams, names, key))
            continue
        rows = [[value(results.get(name, {}), key) for name in names] for results in exams.values()]
        whole = [[x for x in row if x is not None] for row in rows]
        size = 1 if key in ("tokens", "seconds") else len(names)
        yield title, [number(sum(row) / size, percent) if len(row) == len(names) else "" for row in whole]


def _column(exams: Exams, names: Sequence[str], key: str) -> list[Interval | None]:
    """For each model the measure on an evaluation, or its mean over several if the model took all."""
    found = []
    for results in exams.values():
        values = [x for name in names if (x := interval(results.get(name, {}), key))]
        whole = len(values) == len(names)
        found.append((values[0] if len(values) == 1 else mean_of(values)) if whole and values else None)
    return found


def marked(found: Sequence[Interval | None]) -> list[str]:
    """The cells of a row; the best is marked when its interval lies above every other."""
    cells = [share(x) for x in found]
    ranked = sorted(((x.mean, i) for i, x in enumerate(found) if x is not None), reverse=True)
    if len(ranked) > 1:
        best = ranked[0][1]
        top = found[best]
        if top and all(x.high < top.low for i, x in enumerate(found) if x and i != best):
            cells[best] = f"{BEST} {cells[best]}"
    return cells


def _protocol(exams: Exams) -> str:
    rows = [row for results in exams.values() for row in results.values()]
    told = {key: [x for row in rows if (x := value(row, key)) is not None] for key in PROTOCOL}
    said = [PROTOCOL[key].format(number(max(found))) for key, found in told.items() if found]
    return f" ({', '.join(said)})" if said else ""


def students(run: Whole) -> Sheet:
    """Each student before and after, side by side."""
    exams = run.exams
    pairs = [(name, f"distill-{name}") for name in run.students if name in exams or f"distill-{name}" in exams]
    chosen = {name: exams.get(name, {}) for pair in pairs for name in pair}
    head = [f"{before}, {when}" for before, _ in pairs for when in ("before", "after")]
    sheet = Sheet(
        f"Students before and after learning from the same data; {BEST} above its neighbour's interval", ["", *head]
    )
    names = evaluations(chosen)
    groups = [(name, [name], "pass@1") for name in names] + [("readable", names, "readable")]
    for title, wanted, key in groups:
        found = _column(chosen, wanted, key)
        sheet.rows.append([title, *(cell for i in range(0, len(found), 2) for cell in marked(found[i : i + 2]))])
    return sheet if names else Sheet("", [])


def manners(run: Whole) -> list[Sheet]:
    """Every other measure of every model on every evaluation."""
    exams = run.exams
    sheets = []
    for key, (_, title, percent) in MANNERS.items():
        sheet = Sheet(title + (", in percent with 95 % intervals" if key == "readable" else ""), ["", *exams])
        for name in evaluations(exams):
            rows = [results.get(name, {}) for results in exams.values()]
            plain = ["" if (x := value(row, key)) is None else number(x, percent) for row in rows]
            sheet.rows.append([name, *(marked([interval(row, key) for row in rows]) if key == "readable" else plain)])
        sheets.append(sheet)
    return [sheet for sheet in sheets if any(any(row[1:]) for row in sheet.rows)]


def paper() -> Sheet:
    """The paper's own stages."""
    models = ("base", "zero", "dev1", "dev2", "dev3", "r1")
    rows = [[name, *(f"{row[m]:.1f}" if m in row else "" for m in models)] for name, row in shape.PAPER.items()]
    return Sheet(
        "DeepSeek-R1's stages, in percent (Nature 645:633, table 2; the base: figure 1). AIME is that of 2024, AlpacaEval 2 with length control",
        ["", *models],
        rows,
    )


def changes(found: Sequence[shape.Change]) -> Sheet:
    """What each step changed here and in the paper, in points."""
    ours = list(dict.fromkeys(name for change in found for name in change.here))
    theirs = list(shape.PAPER)
    sheet = Sheet(
        f"Change in points; ? where it may be chance. From {theirs[0]} on: what the step changed in the paper",
        ["step", *ours, *theirs],
    )
    for change in found:
        here = [
            signed(x) + ("" if shape.is_clear(x) else " ?") if (x := change.here.get(name)) else "" for name in ours
        ]
        told = [f"{change.paper[name]:+.1f}" if name in change.paper else "" for name in theirs]
        sheet.rows.append([f"{change.before} to {change.after}", *here, *told])
    return sheet
