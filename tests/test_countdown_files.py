"""Rows are read as they stand or refused by name, and no puzzle of the test is ever trained on."""

import csv
import json

import pyarrow
import pyarrow.parquet
import pytest

from aha.errors import DataError
from aha.tasks import countdown as cd
from aha.types import Completion


def assert_solved(problems):
    for problem in problems:
        [score] = cd.graded()(problem, [Completion(problem.solution)])
        assert score.parts == {"correct": 1.0, "formatted": 1.0}, problem


def write(path, rows):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return path


GOOD = [{"nums": [44, 19, 35], "target": 98}, {"nums": [63, 95, 96], "target": 64}]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_rows_are_read_alike_from_every_kind_of_file(tmp_path, suffix):
    problems = cd.read_rows(write(tmp_path / f"rows{suffix}", GOOD))
    assert [problem.answer for problem in problems] == [
        {"numbers": row["nums"], "target": row["target"], "language": "en"} for row in GOOD
    ]
    assert problems[1].id == "countdown/rows/2"
    assert_solved(problems)


BAD = [
    {"target": 98}, {"nums": [44, 19, 35]}, {"nums": None, "target": 98}, {"nums": [], "target": 98},
    {"nums": "44, 19", "target": 63}, {"nums": [44, "19"], "target": 63}, {"nums": [44.5, 19], "target": 98},
    {"nums": [True, 97], "target": 98}, {"nums": [98], "target": 98}, {"nums": [1] * 7, "target": 7},
    {"nums": [0, 98], "target": 98}, {"nums": [44, 54], "target": "98"}, {"nums": [44, 54], "target": 98.0},
    {"nums": [1, 1, 1], "target": 98}, {"nums": [44, 54], "target": 10**30}, [44, 54, 98], "x", None,
]  # fmt: skip


@pytest.mark.parametrize("row", BAD, ids=str)
def test_a_bad_row_is_named(tmp_path, row):
    path = write(tmp_path / "rows.jsonl", [GOOD[0], row])
    with pytest.raises(DataError, match=r"rows\.jsonl, row 2: .*(remove|use|write|must)"):
        cd.read_rows(path)


@pytest.mark.parametrize("line", ["{", "[" * 10**5, "1" * 5000, "nonsense"], ids=lambda line: line[:8])
def test_a_line_that_is_not_json_is_named(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(GOOD[0]) + "\n" + line + "\n")
    with pytest.raises(DataError, match=r"rows\.jsonl, row 2: not"):
        cd.read_rows(path)


@pytest.mark.parametrize(
    "text", ["nums,target\n44 x 35,98\n", "nums,target\n44 19 35\n", "nums\n44 19 35\n", "a,b\n1,2\n"]
)
def test_a_bad_csv_row_is_named(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"rows\.csv, row 1"):
        cd.read_rows(path)


def test_bad_parquet_rows_and_columns_are_named(tmp_path):
    with pytest.raises(DataError, match=r"rows\.parquet, row 2"):
        cd.read_rows(write(tmp_path / "rows.parquet", [GOOD[0], {"nums": [1, 1], "target": 98}]))
    with pytest.raises(DataError, match=r"other\.parquet lacks a column"):
        cd.read_rows(write(tmp_path / "other.parquet", [{"numbers": [1, 1], "target": 2}]))


def test_the_reachability_check_can_be_left_out(tmp_path):
    [problem] = cd.read_rows(write(tmp_path / "rows.jsonl", [{"nums": [1, 1, 1], "target": 98}]), check=False)
    assert problem.solution is None


def test_files_that_cannot_be_read_are_named(tmp_path):
    for name, content in {"a.parquet": b"nonsense", "a.jsonl": b"\xff\xfe", "a.csv": b"", "a.txt": b"1"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            cd.read_rows(tmp_path / name)
    for path in (tmp_path / "absent.parquet", tmp_path / "absent.csv"):
        with pytest.raises(DataError, match="missing"):
            cd.read_rows(path)


# The task


def test_the_task_trains_and_tests_on_different_puzzles():
    task = cd.countdown(numbers=(2,), by="expression", largest=30, test_count=40)
    test = [cd.key_of(problem) for problem in task.test]
    assert task.name == "countdown" and 20 < len(test) <= 40 and len(set(test)) == len(test)
    assert not set(test) & {cd.key_of(problem) for problem in task.draw(300, 7)}
    assert task.draw(5, 7) == task.draw(9, 7)[:5]
    assert_solved(task.test)


def test_a_test_file_is_never_trained_on_in_any_order(tmp_path):
    test = write(tmp_path / "test.jsonl", [GOOD[0], GOOD[0]])
    train = write(tmp_path / "train.jsonl", [{"nums": [19, 35, 44], "target": 98}, GOOD[1]])
    task = cd.countdown(train=train, test=test, rubric=cd.binary())
    assert len(task.test) == 1 and {cd.key_of(problem) for problem in task.draw(50, 0)} == {((63, 95, 96), 64)}
    with pytest.raises(DataError, match="leaves nothing to train on"):
        cd.countdown(train=test, test=test)


def test_generated_problems_leave_out_a_test_file(tmp_path):
    rows = [{"nums": [a, b], "target": a + b} for a in range(1, 10) for b in range(a, 10) if a + b >= 10]
    settings = {"numbers": (2,), "by": "expression", "operators": "+", "largest": 10}
    task = cd.countdown(test=write(tmp_path / "test.jsonl", rows), **settings)
    assert {max(problem.answer["numbers"]) for problem in task.draw(30, 0)} == {10}


def test_rows_come_back_shuffled_once_an_epoch(tmp_path):
    problems = cd.generate(5, seed=0, by="expression")
    drawn = cd.draw_rows(problems, 12, seed=1)
    ids = [problem.id for problem in drawn]
    assert set(ids[:5]) == set(ids[5:10]) == {problem.id for problem in problems} and len(ids) == 12
    assert drawn[:7] == cd.draw_rows(problems, 7, seed=1) != cd.draw_rows(problems, 7, seed=2)


def test_one_file_is_split_by_the_canonical_split(tmp_path):
    rows = [{"nums": [a, b], "target": a + b} for a in range(5, 20) for b in range(a, 20)]
    task = cd.countdown(train=write(tmp_path / "rows.jsonl", rows))
    assert {cd.split_of(*cd.key_of(p)) for p in task.test} == {"test"}
    assert {cd.split_of(*cd.key_of(p)) for p in task.draw(200, 0)} == {"train"}
