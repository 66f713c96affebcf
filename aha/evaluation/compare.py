"""Comparisons of evaluations that were kept: two models on the same questions, or one recipe over training seeds.

against(read(Path("evals/a")), read(Path("evals/b")))     b minus a, question by question
over_seeds([read(folder) for folder in folders])          mean and interval over the runs
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aha.errors import RunError
from aha.evaluation.paired import mcnemar, paired_bootstrap
from aha.evaluation.results import FORMAT
from aha.stats import mean_and_spread, paired_difference, t_interval

Record = dict[str, Any]
SAME = ("preset", "revision", "extractor", "samples", "temperature", "top_p", "max_tokens")
"""What two evaluations must share to be compared; anything else that differs is what is being compared."""


def read(folder: Path) -> Record:
    """The results in a folder. Raises RunError where there are none."""
    try:
        record = json.loads((folder / "results.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder} has no results: {error}; grade its replies with aha eval --regrade {folder}"
        ) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RunError(
            f"{folder}/results.json is not of the form {FORMAT}; make it again with aha eval --regrade {folder}"
        )
    return record


def against(a: Record, b: Record) -> Record:
    """How much better b does than a: the difference of pass@1 with its paired interval, by bootstrap, and McNemar's test.

    McNemar's test takes one outcome a question: whether more than half the credit of the vote of all samples is earned (of one
    sample: whether it is right). Raises RunError for evaluations that did not ask the same questions the same way.
    """
    _alike([a, b])
    first, second = (dict(zip(one["by_question"]["id"], range(10**9), strict=False)) for one in (a, b))
    common = [name for name in first if name in second]
    if not common:
        raise RunError("the two evaluations share no question")

    def column(one: Record, places: dict[str, int], name: str) -> list[float]:
        return [one["by_question"][name][places[question]] for question in common]

    before, after = ([[value] for value in column(*side, "correct")] for side in ((a, first), (b, second)))
    student, drawn = paired_difference(after, before), paired_bootstrap(after, before)
    votes = [[value > 0.5 for value in column(*side, "vote")] for side in ((b, second), (a, first))]
    return {
        "a": a["model"], "b": b["model"], "questions": len(common),
        "unpaired": len(first) + len(second) - 2 * len(common),
        "a_pass@1": sum(row[0] for row in before) / len(common), "b_pass@1": sum(row[0] for row in after) / len(common),
        "difference": asdict(student), "bootstrap": asdict(drawn), "mcnemar": _named(asdict(mcnemar(*votes))),
    }  # fmt: skip


def _named(found: Record) -> Record:
    return {"only_b": found["only_a"], "only_a": found["only_b"], "p": found["p"]}


def over_seeds(runs: Sequence[Record]) -> Record:
    """pass@1 of models that differ in their training seed: each, their mean, and Student's interval over the runs.

    The interval speaks of training again on the same questions. With one run there is none. Raises RunError for
    evaluations that are not alike, or of the same model twice.
    """
    _alike(runs)
    if len({run["digest"] for run in runs}) < len(runs):
        raise RunError("two of the evaluations are of the same weights; give one for each training seed")
    scores = [run["pass@1"] for run in runs]
    spread = mean_and_spread(scores)
    interval = asdict(t_interval(scores)) if len(scores) > 1 else None
    return {"models": [run["model"] for run in runs], "pass@1": scores, "mean": spread.mean, "sd": spread.sd,
            "runs": spread.n, "interval": interval}  # fmt: skip


def _alike(runs: Sequence[Record]) -> None:
    for name in SAME:
        values = {json.dumps(run[name]) for run in runs}
        if len(values) > 1:
            raise RunError(
                f"the evaluations differ in their {name} ({' against '.join(sorted(values))}): not comparable"
            )
