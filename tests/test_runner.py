"""Stages run once, are named by what went into them, and survive being interrupted."""

from __future__ import annotations

import json

import pytest

from aha.config import Settings
from aha.errors import CheckpointError, RunError, SandboxError
from aha.models.precision import fastest
from aha.pipeline.recipe import Machine
from aha.pipeline.runner import Runner, key_of, read_stages
from aha.sandbox import pool
from aha.sandbox.verdict import Program
from tests.toys import quiet_screen


class Toy(Settings):
    letter: str = "a"
    save_every: int = 1


def letters(run, name, letter, inputs, done):
    def work(folder):
        done.append(name)
        before = "".join((stage.folder / "out").read_text() for stage in inputs.values())
        (folder / "out").write_text(before + letter)
        return {"headline": before + letter}

    return run.stage(name, {"toy": Toy(letter=letter)}, inputs, ("out",), work)


def recipe(folder, first="a", second="b", other="c"):
    done: list[str] = []
    with Runner(folder, Machine(), quiet_screen()) as run:
        one = letters(run, "one", first, {}, done)
        letters(run, "two", second, {"base": one}, done)
        letters(run, "three", other, {}, done)
    return done


def test_a_stage_is_not_run_again(tmp_path):
    assert recipe(tmp_path) == ["one", "two", "three"]
    assert recipe(tmp_path) == []


def test_a_changed_setting_runs_its_stage_and_what_depends_on_it_and_nothing_else(tmp_path):
    recipe(tmp_path)
    assert recipe(tmp_path, first="x") == ["one", "two"]
    assert [stage.record["headline"] for stage in read_stages(tmp_path)] == ["x", "xb", "c"]
    assert recipe(tmp_path) == []  # the old stages are still there


def test_a_setting_of_pace_names_no_other_stage():
    keys = {key_of("one", {"toy": Toy(save_every=n)}, Machine(), {}) for n in (1, 2)}
    assert len(keys) == 1
    assert key_of("one", {"toy": Toy()}, Machine(seed=1), {}) not in keys


def test_an_interrupted_stage_goes_on_in_its_own_folder(tmp_path):
    def dies(folder):
        (folder / "half").write_text("done")
        raise KeyboardInterrupt

    def goes_on(folder):
        (folder / "out").write_text((folder / "half").read_text())
        return {}

    with Runner(tmp_path, Machine(), quiet_screen()) as run, pytest.raises(KeyboardInterrupt):
        run.stage("one", {"toy": Toy()}, {}, ("out",), dies)
    with Runner(tmp_path, Machine(), quiet_screen()) as run:
        assert (run.stage("one", {"toy": Toy()}, {}, ("out",), goes_on).folder / "out").read_text() == "done"


def test_programs_run_unprotected_only_when_asked_and_the_stage_says_so(tmp_path, monkeypatch):
    pool.shared_pool.cache_clear()
    monkeypatch.setattr(pool, "best_level", lambda: (None, {"forks": "not here"}))
    monkeypatch.setattr(pool, "_unprotected", False)
    with pytest.raises(SandboxError, match="--unprotected true"):
        pool.shared_pool()

    def runs(folder):
        (folder / "out").write_bytes(pool.shared_pool().run(Program("print(1)")).stdout)
        return {}

    with Runner(tmp_path, Machine(unprotected=True), quiet_screen()) as run:
        record = run.stage("one", {}, {}, ("out",), runs).record
    pool.shared_pool().close()
    pool.shared_pool.cache_clear()
    assert record["jail"] == "none" and record["machine"]["unprotected"]


def test_a_second_process_is_refused(tmp_path):
    with Runner(tmp_path, Machine(), quiet_screen()), pytest.raises(RunError, match="already in use"):
        Runner(tmp_path, Machine(), quiet_screen())


def test_an_edited_stage_is_told_from_a_whole_one(tmp_path):
    recipe(tmp_path)
    file = next((tmp_path / "stages").glob("one-*")) / "out"
    file.write_text("b")
    with pytest.raises(CheckpointError, match="delete .*one-"):
        recipe(tmp_path)


def test_a_stage_records_where_it_came_from(tmp_path):
    recipe(tmp_path)
    two = json.loads((next((tmp_path / "stages").glob("two-*")) / "stage.json").read_text())
    one = read_stages(tmp_path)[0]
    assert two["inputs"] == {"base": {"stage": "one", "digest": one.digest}}
    assert two["settings"]["toy.letter"] == "b" and two["machine"] == {
        "seed": 0,
        "dtype": fastest(),
        "threads": 0,
        "unprotected": False,
    }
