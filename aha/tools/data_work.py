"""What the commands of `aha data` do, and say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from aha import disk
from aha.errors import ConfigError, DataError
from aha.rewards.judge_prompts import question_of
from aha.tasks import data_names
from aha.tasks.asserts import NotPlain
from aha.tasks.benchmarks_rows import Row
from aha.tasks.data_columns import Columns, source_of
from aha.tasks.data_kinds import PAIRS, kind_of
from aha.tasks.data_names import Source
from aha.tasks.data_read import Rows, rows_of, worded
from aha.tasks.overlap import Asked
from aha.tasks.preference_files import pair_of
from aha.tools.data_found import Against, Checked, Decontaminated, Shown
from aha.types import Completion, Problem


def shown(name: str, kind: str, columns: Columns, samples: int) -> Shown:
    """What a name holds. Raises DataError for data that cannot be used."""
    if name.startswith(data_names.GYM):
        from aha.tasks.gym import gym

        asked = gym(name, max(1, samples)).test[:samples]
        told = [(p.id, {"asked": question_of(p), "answer": p.answer["answer"]}) for p in asked]
        return Shown(name, None, kind="gym", samples=told)
    source = data_names.source(name)
    count, first = sum(1 for _ in source.rows()), next(source.rows())[1]
    found = Shown(name, count, source.licence, [str(file) for file in source.files])
    if _is_pairs(source, kind, first):
        found.kind, found.not_read = PAIRS, list(first)
        for where, row in islice(source.rows(), samples):
            pair = pair_of(row, where)
            found.samples.append((where, {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}))
        return found
    rows = rows_of(name, "any", kind, columns)
    found.kind, found.language = rows.kind.name, rows.language
    found.columns, found.not_read = _columns(rows, first)
    put = worded("", rows.kind)
    for where, _, problem in islice(rows.problems(), samples):
        parts = {"asked": question_of(put(problem)), "answer": rows.kind.reference(problem)}
        found.samples.append((where, parts | ({"solution": problem.solution} if problem.solution else {})))
    return found


def _is_pairs(source: Source, kind: str, first: Row) -> bool:
    return (kind or (source.known.kind if source.known else kind_of(first))) == PAIRS


def _columns(rows: Rows, first: Row) -> tuple[dict[str, str | None], list[str]]:
    """Which column becomes what, and which are not read."""
    read: dict[str, str | None] = {p: source_of(p, first, rows.kind, rows.columns) for p in rows.kind.columns}
    read |= {part: str(column) for part, column in rows.columns.items()}
    return read, [column for column in first if column not in read.values()]


def checked(name: str, kind: str, columns: Columns, most: int | None) -> Checked:
    """Grade the reference answers of a name with their own reward. Raises DataError for a file that cannot be read."""
    found = Checked(name)
    if name.startswith(data_names.GYM):
        from aha.tasks.gym import gym, reference_reply

        task = gym(name, most or 100)
        for problem in task.test:
            if problem.answer["answer"] is None:
                found.add("without a reference")
                continue
            _count(found, problem.id, task.rubric(problem, [Completion(reference_reply(problem))])[0].parts["correct"])
        return found
    source = data_names.source(name)
    placed = islice(source.rows(), most)
    if _is_pairs(source, kind, next(source.rows())[1]):
        for where, row in placed:
            _check_pair(found, where, row)
        return found
    rows = rows_of(name, "any", kind, columns)
    for where, row in placed:
        _check_row(found, rows, where, row)
    return found


def _check_pair(found: Checked, where: str, row: Row) -> None:
    try:
        pair = pair_of(row, where)
    except DataError as error:
        found.add("damaged", str(error))
        return
    same = pair.chosen.strip() == pair.rejected.strip()
    found.add("wrong" if same else "right", f"{where}: both replies are the same" if same else "")


def _check_row(found: Checked, rows: Rows, where: str, row: Row) -> None:
    try:
        problem = rows.problem(where, row)
    except NotPlain as reason:
        found.add("left out", f"{where}: left out, {reason}")
    except DataError as error:
        found.add("damaged", str(error))
    else:
        _count(found, where, *_graded(rows, problem))


def _graded(rows: Rows, problem: Problem) -> tuple[float | None, str]:
    answer = rows.kind.reference(problem)
    if not answer:
        return 0.0, "there is no answer that is right"
    [grade] = rows.kind.correct(problem, [Completion(f"<think>\n</think><answer>{answer}</answer>")])
    return grade if isinstance(grade, tuple) else (grade, "")


def _count(found: Checked, where: str, value: float | None, reason: str = "") -> None:
    if value is None:
        found.add("not graded", f"{where}: the grader failed: {reason}")
    else:
        found.add("right" if value >= 1 else "wrong", "" if value >= 1 else f"{where}: {reason or 'wrong'}")


def decontaminated(
    train: str, against: Sequence[str], out: Path, n: int, kinds: tuple[str, str], columns: tuple[Columns, Columns]
) -> Decontaminated:
    """Write the rows of `train` that share no run of `n` words with a row of `against`.

    `kinds` and `columns` are those of the first and of the others. Raises ConfigError for a file that must not be written.
    """
    beside = out.with_name(f"{out.stem}.removed.jsonl") if out.name else out
    _check_out(out, beside, {train: "train"} | dict.fromkeys(against, "test"))
    sets = {
        name: Asked(((where, text) for where, _, text in _questions(name, "test", kinds[1], columns[1])), n)
        for name in against
    }
    kept, removed, met = list[Row](), list[Row](), Counter[str]()
    for where, row, text in _questions(train, "train", kinds[0], columns[0]):
        meetings = {name: found for name, asked in sets.items() if (found := asked.meets(text))}
        met.update(meetings.keys())
        if meetings:
            told = [{"where": found.where, "shared": found.shared} for found in meetings.values()]
            removed.append({"row": where, "meets": told, "columns": row})
        else:
            kept.append(row)
    for file, rows in ((out, kept), (beside, removed)):
        with disk.writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            disk.write_whole(file, b"".join(_line(row) for row in rows))
    told_sets = [Against(name, len(asked.whole), met[name], asked.templates) for name, asked in sets.items()]
    told_rows = [{"row": gone["row"], "meets": gone["meets"]} for gone in removed]
    return Decontaminated(train, len(kept), out, n, told_sets, told_rows, beside)


def _check_out(out: Path, beside: Path, sides: Mapping[str, str]) -> None:
    """Raise ConfigError where rows would be written over rows that are read, or could not be read again."""
    if out.suffix != ".jsonl" or out.is_dir():
        raise ConfigError(f"--out {out}: rows are written as JSON Lines; name a file that ends in .jsonl")
    named = [(name, side) for name, side in sides.items() if not name.startswith(data_names.GYM)]
    read = {file.resolve() for name, side in named for file in data_names.source(name, side).files}
    for file in (out, beside):
        if file.resolve() in read:
            raise ConfigError(f"--out {out}: {file} is read from; name another file")


def _questions(name: str, side: str, kind: str, columns: Columns) -> Iterator[tuple[str, Row, str]]:
    """(where, row, what it asks) of every row. A puzzle is its numbers in order and its target."""
    if name.startswith(data_names.GYM):
        raise ConfigError(f"{name} makes its questions, so there are no rows to compare")
    source = data_names.source(name, side)
    if _is_pairs(source, kind, next(source.rows())[1]):
        yield from ((where, row, question_of(Problem(pair_of(row, where).prompt))) for where, row in source.rows())
        return
    rows = rows_of(name, side, kind, columns)
    puzzle = rows.kind.name == "countdown"
    for where, row, problem in rows.problems():
        yield where, row, rows.kind.key(problem) if puzzle else problem.prompt


def _line(row: Row) -> bytes:
    return (json.dumps(row, ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace")
