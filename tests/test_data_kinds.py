"""Rows of every kind become problems that their own reference solves; a column that is not there is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aha.errors import DataError
from aha.sandbox.jail import best_level
from aha.tasks.data_presets import KNOWN
from aha.tasks.data_read import rows_of
from aha.tools.data_work import checked
from aha.types import Completion

DATA = Path(os.environ.get("AHA_DATA") or Path(__file__).parents[2] / "shared" / "data")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no data here: point AHA_DATA to a folder of them")


def written(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


ROWS = {
    "number": ({"question": "1 + 1?", "answer": "1 + 1 = <<1+1=2>>2\n#### 2"}, "2", "3"),
    "math": ({"problem": "Half?", "solution": r"It is $\boxed{\frac{1}{2}}$."}, "0.5", "0.4"),
    "countdown": ({"nums": [44, 19, 35], "target": 98}, "44 + 19 + 35", "44 + 54"),
    "choice": ({"question": "A pet?", "options": ["tea", "dog"], "answer": 1}, "B", "A"),
    "text": ({"question": "Capital of Peru?", "answers": ["Lima", "the city of Lima"]}, "LIMA.", "Cusco"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_gets_the_reward_that_fits(tmp_path, kind):
    row, right, wrong = ROWS[kind]
    rows = rows_of(written(tmp_path / "x.jsonl", row), "train", "number" if kind == "number" else "")
    [(_, _, problem)] = rows.problems()
    replies = [
        Completion(f"<think>\n</think><answer>{text}</answer>") for text in (right, wrong, rows.kind.reference(problem))
    ]
    grades = [grade[0] if isinstance(grade, tuple) else grade for grade in rows.kind.correct(problem, replies)]
    assert rows.kind.name == kind and grades == [1, 0, 1]


def test_columns_of_other_names_are_mapped_and_numbers_stand_in_every_row(tmp_path):
    name = written(tmp_path / "x.jsonl", {"Puzzles": "1 1 4 6", "Rank": "1"})
    [(_, _, problem)] = rows_of(name, "train", "", {"nums": "Puzzles", "target": 24}).problems()
    assert problem.answer["numbers"] == [1, 1, 4, 6] and problem.answer["target"] == 24


ASK = {"Frage": "1 + 1?", "result": "2"}
MISSING = [
    ({}, "x.jsonl, row 1: nothing for the question, .* it has: Frage, result; name the column as columns.question"),
    (
        {"question": "frage", "answer": "result"},
        "row 1: no column 'frage'; did you mean 'Frage'. it has: Frage, result",
    ),
    ({"qestion": "Frage"}, "columns.qestion: .* did you mean 'question'"),
    ({"question": "Frage"}, "row 1: nothing for the answer, .* it has: Frage, result"),
]


@pytest.mark.parametrize(("columns", "told"), MISSING)
def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path, columns, told):
    with pytest.raises(DataError, match=told):
        list(rows_of(written(tmp_path / "x.jsonl", ASK), "train", "math", columns).problems())


DAMAGED = [
    ("number", {"question": "?", "answer": "two"}, "row 2: the answer 'two' is no number"),
    ("countdown", {"nums": [0, 5], "target": 5}, "row 2: `nums` holds 0"),
    ("text", {"question": "?", "answers": ["!"]}, "row 2: no question, or no answer"),
    ("choice", {"question": "?", "options": ["a"], "answer": "A"}, "row 2: needs `question`, `options`"),
    ("math", {"problem": "?" * 200_000, "answer": "1"}, "row 2: a question of 200000 characters"),
    ("math", {"question": "?", "answer": ["1", "2"]}, "row 2: the answer is neither text nor a number but list"),
    ("math", {"question": {"a": 1}, "answer": "1"}, "row 2: the question is neither text nor a number but dict"),
    ("math", {"question": "?", "answer": True}, "row 2: the answer is neither text nor a number but bool"),
    ("math", {"question": "?", "answer": float("nan")}, "row 2: the answer is neither text nor a number but nan"),
    ("math", {"question": "?", "answer": None}, "row 2: the answer .'answer'. is empty"),
    ("text", {"question": "?", "answers": [{"a": 1}]}, "row 2: the answer is neither text nor a number but dict"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "row", "told"), DAMAGED, ids=[f"{i}-{kind}" for i, (kind, *_) in enumerate(DAMAGED)])
def test_a_damaged_row_is_named(tmp_path, kind, row, told):
    rows = rows_of(written(tmp_path / "x.jsonl", ROWS[kind][0], row), "train", kind)
    with pytest.raises(DataError, match=told):
        list(rows.problems())


def test_json_may_be_a_list_or_lines_and_a_cell_too_many_is_told(tmp_path):
    row = json.dumps({"question": "?", "answer": "1"})
    for number, text in enumerate((f"[{row}, {row}]", f"{row}\n{row}\n")):
        (tmp_path / f"{number}.json").write_text(text)
        assert len(list(rows_of(str(tmp_path / f"{number}.json"), "train").problems())) == 2
    (tmp_path / "x.csv").write_text("question,answer\nHow many, then?,1\n")
    with pytest.raises(DataError, match="x.csv, row 1: more cells than columns"):
        rows_of(str(tmp_path / "x.csv"), "train")
    (tmp_path / "y.csv").write_text("question,answer,answer\n?,1,2\n")
    with pytest.raises(DataError, match="two columns are called 'answer'"):
        rows_of(str(tmp_path / "y.csv"), "train")
    (tmp_path / "y.jsonl").write_text('{"question": "?", "answer": 1, "answer": 2}\n')
    with pytest.raises(DataError, match="row 1: not JSON .two values for 'answer'"):
        rows_of(str(tmp_path / "y.jsonl"), "train")


def test_times_that_python_cannot_hold_are_one_line(tmp_path):
    table = pa.table({"question": ["?"], "answer": ["1"], "took": pa.array([2**62], pa.duration("s"))})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="x.parquet cannot be read"):
        rows_of(str(tmp_path / "x.parquet"), "train")


def test_a_check_names_every_row_that_is_not_right(tmp_path):
    good, impossible, damaged = {"nums": [2, 3], "target": 5}, {"nums": [1, 1], "target": 9}, {"nums": "x", "target": 1}
    found = checked(written(tmp_path / "x.jsonl", good, impossible, damaged), "", {}, None)
    assert found.counts == {"right": 1, "wrong": 1, "damaged": 1} and not found.good
    assert "row 2: there is no answer that is right" in found.named[0] and "row 3: " in found.named[1]


REAL = [name for name, known in KNOWN.items() if any((DATA / place).is_file() for place in (*known.train, *known.test))]


@needs_data
@pytest.mark.parametrize("name", REAL)
def test_references_of_every_known_data_set_that_is_here_are_right(name, monkeypatch):
    if KNOWN[name].kind == "code" and best_level()[0] is None:
        pytest.skip("no jail holds here")
    monkeypatch.setenv("AHA_DATA", str(DATA))
    for side in ("train", "test"):
        if any((DATA / place).is_file() for place in getattr(KNOWN[name], side)):
            found = checked(f"{name}#{side}", "", {}, 12)
            assert found.good and found.counts["right"] >= 8, list(found.lines())
