"""Read step labels that people gave: files in the format of PRM800K (arXiv 2305.20050)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aha.chat import THINK, render
from aha.errors import DataError
from aha.tasks.process_labels import Label, LabelledSteps


def read_prm800k(path: Path | str) -> list[LabelledSteps]:
    """The labelled solutions of a JSON Lines file, as beginnings of replies in the model's template.

        {"question": {"problem": "What is 2 + 2?"}, "label": {"steps": [
            {"completions": [{"text": "2 + 2 = 4.", "rating": 1}], "human_completion": null, "chosen_completion": 0}]}}

    A rating of 1 or 0 is right, -1 is wrong, null is no label: neutral counts as right, as in the paper. One row is the
    solution that was followed: the chosen completion of each step, or the one a person wrote, which is right; where
    nothing was chosen it ends with the step's first completion. Every other completion makes a row of its own, which
    ends with it and in which only it has a label. Each step becomes a line of the thought. Raises DataError, which
    names the file and the row, for one that cannot be used.
    """
    path, rows = Path(path), list[LabelledSteps]()
    for number, row in _lines(path):
        where = f"{path}, row {number}"
        question = _field(_field(row, "question", dict, where), "problem", str, where, "question.")
        steps = _field(_field(row, "label", dict, where), "steps", list, where, "label.")
        found = list(_solutions(steps, where))
        rows += [LabelledSteps(render(question), _as_lines(texts), labels, f"{number}") for texts, labels in found]
    if not rows:
        raise DataError(f"{path}: expected rows with labelled steps, got none")
    return rows


def _solutions(steps: list[Any], where: str) -> Iterator[tuple[tuple[str, ...], tuple[Label, ...]]]:
    """The solution that goes through the chosen completions, then the ways not chosen."""
    texts, labels, others = tuple[str, ...](), tuple[Label, ...](), []
    for k, step in enumerate(steps):
        at = f"label.steps[{k}]."
        completions = [
            _completion(c, where, f"{at}completions[{i}].")
            for i, c in enumerate(_field(step, "completions", list, where, at))
        ]
        chosen, human = step.get("chosen_completion"), step.get("human_completion")
        if chosen is not None and not (type(chosen) is int and 0 <= chosen < len(completions)):
            raise _bad(where, f"`{at}chosen_completion` to number one of {len(completions)} completions", chosen)
        taken = chosen if chosen is not None or human is not None else 0
        unknown = (None,) * len(texts)
        others += [((*texts, t), (*unknown, y)) for i, (t, y) in enumerate(completions) if i != taken and y is not None]
        if taken is None:
            written = human if isinstance(human, str) else _completion(human, where, f"{at}human_completion.")[0]
            followed: tuple[str, Label] = written, 1.0
        elif completions:
            followed = completions[taken]
        else:
            break
        texts, labels = (*texts, followed[0]), (*labels, followed[1])
        if chosen is None and human is None:
            break
    if any(label is not None for label in labels):
        yield texts, labels
    yield from others


def _completion(raw: Any, where: str, at: str) -> tuple[str, Label]:
    text = _field(raw, "text", str, where, at)
    rating = raw.get("rating")
    if rating is not None and (type(rating) is not int or rating not in (-1, 0, 1)):
        raise _bad(where, f"`{at}rating` to be -1, 0, 1 or null", rating)
    return text, None if rating is None else float(rating >= 0)


def _as_lines(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The steps as lines of a thought."""
    return tuple(f"{THINK if i == 0 else ''}{' '.join(text.split())}\n" for i, text in enumerate(texts))


def _field(row: Any, name: str, kind: type, where: str, at: str = "") -> Any:
    if not isinstance(row, dict):
        raise _bad(where, f"`{at.rstrip('.')}` to be a record" if at else "a record", row)
    if not isinstance(row.get(name), kind):
        wish = {"list": "a list", "dict": "a record", "str": "text"}[kind.__name__]
        raise _bad(where, f"`{at}{name}` to be {wish}", row.get(name))
    return row[name]


def _bad(where: str, expected: str, got: Any) -> DataError:
    text = "nothing" if got is None else repr(got)
    return DataError(f"{where}: expected {expected}, got {text if len(text) <= 60 else text[:57] + '...'}")


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, row {number}: expected JSON, got {line[:40]!r} ({error})") from None
