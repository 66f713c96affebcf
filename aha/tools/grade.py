"""`aha grade`: grade a file of replies, and say why. Users regrade old samples with it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from aha.errors import ConfigError, DataError
from aha.page import plain

Row = dict[str, Any]
Judged = tuple[float | None, str, str]
"""Score, reason and extractor."""


class Kind(Enum):
    """What a reply is graded for."""

    MATH = "math"
    CODE = "code"
    FORMAT = "format"
    LANGUAGE = "language"


def grade(
    kind: Annotated[Kind, typer.Argument(help="What to grade for.")],
    file: Annotated[Path, typer.Argument(help="JSON lines, each with `reply` and `answer`, `tests` or `language`.")],
    lenient: Annotated[bool, typer.Option(help="Mathematics as for evaluation, not for rewards.")] = False,
    language: Annotated[str, typer.Option(help="The language wanted of rows that name none.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line and nothing else.")] = False,
) -> None:
    """Grade a file of replies: a line each with score, reason and extractor, then the mean.

    A row is {"reply": ..., "answer": "1/2"} for math, {"reply": ..., "tests": {"stdin": [["4", "8"]]}} or
    {"reply": ..., "tests": {"function": "f", "calls": [[[4], 8]]}} for code, and {"reply": ...} for the rest.
    A row that cannot be graded costs a line on stderr, and the exit status is then 2; 1 where the grader itself failed.
    """
    scores: list[float | None] = []
    bad = 0
    for where, line in lines(file):
        try:
            row = read_row(where, line)
            score, reason, extractor = GRADERS[kind](row, where, lenient, language)
        except DataError as error:
            bad += 1
            print(f"aha: {plain(str(error))}", file=sys.stderr)
            continue
        scores.append(score)
        number = int(where.rpartition(" ")[2])
        if as_json:
            typer.echo(json.dumps({"row": number, "score": score, "reason": reason, "extractor": extractor}))
        else:
            shown = "failed" if score is None else f"{score:.3g}"
            typer.echo(f"{number:>6}  {shown:>6}  {plain(reason)}  [{extractor}]")
    graded = [score for score in scores if score is not None]
    if not as_json:
        mean = f"{sum(graded) / len(graded):.4f}" if graded else "-"
        typer.echo(f"mean {mean} over {len(graded)} of {len(scores) + bad} replies")
    raise SystemExit(2 if bad else 1 if len(graded) < len(scores) else 0)


def lines(file: Path) -> Iterator[tuple[str, bytes]]:
    """The lines of a file that are not blank, each with its place. Raises DataError where there is none."""
    if not file.is_file():
        raise DataError(f"{file} is not a file")
    found = [(f"{file}, row {n}", line) for n, line in enumerate(file.read_bytes().split(b"\n"), 1) if line.strip()]
    if not found:
        raise DataError(f"{file} has no rows")
    yield from found


def read_row(where: str, line: bytes) -> Row:
    """A row with a reply. Raises DataError."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error}); correct or remove the row") from None
    if not isinstance(row, dict):
        raise DataError(f'{where}: {type(row).__name__}, not a record; a row is one line such as {{"reply": ...}}')
    if not isinstance(row.get("reply"), str):
        raise DataError(f"{where}: no text under `reply`")
    return row


def _column(row: Row, name: str, where: str) -> Any:
    if name not in row:
        raise DataError(f"{where}: no `{name}`; it has {', '.join(map(repr, row))}")
    return row[name]


def _math(row: Row, where: str, lenient: bool, language: str) -> Judged:
    from aha.rewards.math import grade_math

    answer = _column(row, "answer", where)
    usable = isinstance(answer, str) or (isinstance(answer, int | float) and not isinstance(answer, bool))
    if not usable or (isinstance(answer, float) and not math.isfinite(answer)):
        raise DataError(f"{where}: `answer` is {json.dumps(answer)[:60]}; give text or a number")
    found = grade_math(str(answer), row["reply"], lenient, str(row.get("prompt", "")), where)
    return found.value, found.reason, found.method


def _code(row: Row, where: str, lenient: bool, language: str) -> Judged:
    from aha.rewards.code import EXTRACTOR, answered_code, code_tests, grade_code
    from aha.sandbox.pool import shared_pool

    given = _column(row, "tests", where)
    try:
        tests = code_tests(given)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    code, reason = answered_code(row["reply"])
    if code is None:
        return 0.0, reason, EXTRACTOR
    score, reason = grade_code(shared_pool(), tests, code)
    return (score if score is None else float(score == 1.0)), reason, EXTRACTOR


def _format(row: Row, where: str, lenient: bool, language: str) -> Judged:
    from aha.rewards.format import formatted

    return *_first(formatted, row), "think and answer blocks, format/1"


def _language(row: Row, where: str, lenient: bool, language: str) -> Judged:
    from aha.language import check_language
    from aha.rewards.language import in_language

    wanted = row.get("language", language)
    try:
        check_language(wanted)
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from None
    return *_first(in_language(wanted), row), f"words of the thinking in {wanted}, language/1"


def _first(reward: Callable[..., Any], row: Row) -> tuple[float | None, str]:
    from aha.rewards.rubric import Rubric
    from aha.types import Completion, Problem

    score = Rubric((1.0, reward))(Problem(str(row.get("prompt", ""))), [Completion(row["reply"])])[0]
    return score.total, score.reason


GRADERS: dict[Kind, Callable[[Row, str, bool, str], Judged]] = {
    Kind.MATH: _math,
    Kind.CODE: _code,
    Kind.FORMAT: _format,
    Kind.LANGUAGE: _language,
}
