"""A failed run tells its user one line, and its log everything."""

from __future__ import annotations

import pytest

from aha import cli
from aha.errors import RunError, UnexpectedError
from aha.tools.failure import LOG, logged


def fail(error):
    raise error


def test_a_fault_becomes_one_line_and_its_traceback_goes_to_the_log(tmp_path):
    with (
        pytest.raises(
            UnexpectedError, match=r"^stopped by ZeroDivisionError: odd .*aha.log.* the same command"
        ) as told,
        logged(tmp_path / "run"),
    ):
        fail(ZeroDivisionError("odd \x1b[31m\nsecond line"))
    log = (tmp_path / "run" / LOG).read_text()
    assert "in fail" in log and "ZeroDivisionError" in log
    assert "\n" not in str(told.value) and "\x1b" not in str(told.value)


def test_a_mistake_stays_its_own_line_and_makes_no_folder(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunError, match="^in use$"), logged(folder):
            fail(RunError("in use"))
    assert "RunError: in use" in (tmp_path / LOG).read_text() and not (tmp_path / "none").exists()


def test_failures_add_up(tmp_path):
    for _ in range(2):
        with pytest.raises(UnexpectedError), logged(tmp_path):
            fail(ValueError())
    assert (tmp_path / LOG).read_text().count("Traceback") == 2


def test_without_a_place_for_the_log_the_traceback_is_kept(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="odd"), logged(tmp_path / "file" / "run"):
        fail(ValueError("odd"))


def test_a_stop_is_no_failure(tmp_path):
    with pytest.raises(SystemExit), logged(tmp_path):
        fail(SystemExit(143))
    assert not (tmp_path / LOG).exists()


@pytest.mark.parametrize(("words", "said"), [
    (["load"], "aha: No such command 'load'. There are doctor, "), (["data", "lod"], "aha: No such command 'lod'. There are show, "),
    (["eval", "tiny", "--samples", "x"], "aha: Invalid value for '--samples': "), (["export", "tiny"], "aha: Missing option '--out'. See: "),
])  # fmt: skip
def test_words_that_make_no_sense_are_one_line(monkeypatch, capsys, words, said):
    monkeypatch.setattr("sys.argv", ["aha", *words])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    shown = capsys.readouterr().err
    assert leaving.value.code == 2 and shown.startswith(said) and shown.count("\n") == 1 and "--help\n" in shown


def test_the_command_ends_with_one_line_and_status_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("aha.pipeline.rl.zero", lambda *_: fail(OSError("gone")))
    monkeypatch.setattr("sys.argv", ["aha", "run", "recipes/zero.toml", f"--out={tmp_path / 'run'}"])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    shown = capsys.readouterr().err
    assert leaving.value.code == 1 and shown.startswith("aha: stopped by OSError: gone") and shown.count("\n") == 1
