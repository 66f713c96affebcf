"""`aha ls` and `aha show` on run folders of every kind."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from aha import cli
from aha.runlog import take_lock
from aha.tools.ls import runs, table
from tests.stages_run import stages_run
from tests.test_report import HOSTILE, evaluation, metric, write_run


@pytest.fixture
def folder(tmp_path):
    """A run of stages, one of training that was stopped, and one whose metrics are damaged."""
    stages_run(tmp_path / "laptop")
    run = write_run(tmp_path / "seeds" / "zero", [metric(1), metric(2)], [evaluation(0, 0.31), evaluation(2, 0.64)])
    (run / "settings.toml").write_text("steps = 5\n")
    torn = write_run(tmp_path / "torn", [metric(1)])
    (torn / "metrics.jsonl").write_text("nonsense\n{}\n")
    return tmp_path


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["aha", *map(str, words)])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    out, err = capsys.readouterr()
    return leaving.value.code or 0, out, err


def test_every_run_is_a_line_with_state_stage_headline_and_cost(folder):
    found = {line["run"]: line for line in runs(folder)}
    assert set(found) == {"laptop", "seeds/zero", "torn"}
    assert found["seeds/zero"]["state"] == "stopped" and found["seeds/zero"]["stage"] == "step 2 of 5"
    assert "31.0 % → 64.0 %" in found["seeds/zero"]["headline"] and "0.3 minutes" in found["seeds/zero"]["cost"]
    assert found["laptop"]["state"] == "finished" and "minutes" in found["laptop"]["cost"]
    assert found["torn"]["state"] == "damaged"


def test_a_run_at_work_is_running(folder):
    import os

    lock = take_lock(folder / "seeds" / "zero" / "lock")
    try:
        assert next(line for line in runs(folder) if line["run"] == "seeds/zero")["state"] == "running"
    finally:
        os.close(lock)


def test_the_list_is_printed_and_told_as_json(folder, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "ls", folder)
    assert code == 0 and "laptop" in out and "finished" in out
    told = json.loads(call(monkeypatch, capsys, "ls", folder, "--json")[1])
    assert {line["state"] for line in told} == {"finished", "stopped", "damaged"}


def test_no_folder_and_no_runs_are_said(tmp_path, monkeypatch, capsys):
    assert "no runs in" in call(monkeypatch, capsys, "ls", tmp_path)[1]
    code, _, err = call(monkeypatch, capsys, "ls", tmp_path / "none")
    assert code == 2 and "is no folder" in err


@pytest.mark.parametrize("width", [40, 160])
def test_words_of_others_are_shown_as_text(width):
    line = dict.fromkeys(("run", "state", "stage", "headline", "cost"), HOSTILE) | {"troubles": ["[red]bad"]}
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(table([line], width))
    assert "\x1b[31m" not in console.file.getvalue() and "\u202e" not in console.file.getvalue()


def test_a_run_of_training_is_shown_with_its_evaluations(folder, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "show", folder / "seeds" / "zero")
    assert code == 0 and "stopped, step 2 of 5" in out and "countdown, step 2: pass@1 64.0 % (61.0 to 67.0)" in out


def test_a_run_of_stages_is_shown_as_a_tree(folder, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "show", folder / "laptop", "--price", "0.05")
    assert code == 0 and "base (given)" in out and "└── " in out and "at 0.05 a core-hour" in out


def test_a_finished_stage_is_shown_and_names_its_run(folder, monkeypatch, capsys):
    stage = next((folder / "laptop" / "stages").glob("zero-*"))
    code, out, _ = call(monkeypatch, capsys, "show", stage)
    assert code == 0 and out.startswith("zero: finished, ") and f"aha show {folder / 'laptop'} draws" in out
    assert json.loads(call(monkeypatch, capsys, "show", stage, "--json")[1])["stage"] == "zero"


def test_a_run_in_its_first_stage_is_told_as_such(tmp_path, monkeypatch, capsys):
    (tmp_path / "stages" / "zero-1.part").mkdir(parents=True)
    code, out, _ = call(monkeypatch, capsys, "show", tmp_path)
    assert code == 0 and "No stage is complete yet." in out and "zero is not finished" in out


@pytest.mark.parametrize(("name", "kind"), [("laptop", "stages"), ("seeds/zero", "training")])
def test_any_run_is_told_as_json(folder, monkeypatch, capsys, name, kind):
    code, out, _ = call(monkeypatch, capsys, "show", folder / name, "--json")
    assert code == 0 and json.loads(out)["kind"] == kind


def test_what_is_no_run_is_one_line(tmp_path, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "show", tmp_path)
    assert code == 2 and "is not a run folder" in err and err.count("\n") == 1


def test_the_report_is_written_and_told_as_json(folder, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "report", folder / "seeds" / "zero")
    assert code == 0 and out.startswith("report: ") and (folder / "seeds" / "zero" / "report.md").exists()
    assert json.loads(call(monkeypatch, capsys, "report", folder / "laptop", "--json")[1])["facts"]["kind"] == "stages"
