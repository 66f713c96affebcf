"""A run folder is one recipe's, and what is somebody's else stays as it is."""

from __future__ import annotations

import json

import pytest

from aha.errors import RunError
from aha.pipeline.claim import MARK, claim
from aha.runlog import RunLog


def test_a_folder_goes_on_with_its_own_recipe_and_no_other(tmp_path):
    out = tmp_path / "new" / "run"
    claim(out, "r1")
    claim(out, "r1")
    assert json.loads((out / MARK).read_text()) == {"recipe": "r1"}
    with pytest.raises(RunError, match="holds a run of recipe r1, and this is zero; choose another --out"):
        claim(out, "zero")


def test_runs_from_before_the_mark_are_told_by_their_files(tmp_path):
    RunLog.open(tmp_path / "zero", "steps = 1\n").close()
    claim(tmp_path / "zero", "zero")
    (tmp_path / "laptop" / "stages").mkdir(parents=True)
    claim(tmp_path / "laptop", "r1")
    RunLog.open(tmp_path / "old", "steps = 1\n").close()
    (tmp_path / "older" / "stages").mkdir(parents=True)
    for folder, recipe in (("old", "r1"), ("older", "zero")):
        with pytest.raises(RunError, match="holds a run of recipe"):
            claim(tmp_path / folder, recipe)


@pytest.mark.parametrize("name", ["train.jsonl", "settings.toml", "metrics.jsonl"])
def test_a_folder_with_files_of_no_run_is_refused_and_left_alone(tmp_path, name):
    (tmp_path / name).write_text("{}\n")
    with pytest.raises(RunError, match=f"holds files of no run .{name}.; choose another --out"):
        claim(tmp_path, "zero")
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_run_forgets_its_own_logs_and_no_other_file(tmp_path):
    with RunLog.open(tmp_path, "steps = 1\n") as log:
        (tmp_path / "train.jsonl").write_text('{"question": "?"}\n')
        log.metrics({"step": 3})
        log.rewind(-1)
    assert (tmp_path / "metrics.jsonl").read_text() == "" and "question" in (tmp_path / "train.jsonl").read_text()


def test_a_damaged_mark_is_one_line(tmp_path):
    for text in ("", "[]", "{}"):
        (tmp_path / MARK).write_text(text)
        with pytest.raises(RunError, match="is damaged; remove it"):
            claim(tmp_path, "zero")
