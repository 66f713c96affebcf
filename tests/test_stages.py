"""The whole recipe, as small as it gets: killed in every kind of stage it ends as if it never was, and nothing runs twice."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aha.pipeline.recipe_r1 import R1
from aha.pipeline.runner import read_stages

ROOT = Path(__file__).parents[1]
STAGES = ("zero", "cold", "dev1", "dev2", "traces", "data", "dev3", "helpful", "safe", "rules", "r1", "exam-r1")
KINDS = ("zero", "cold", "dev1", "helpful", "exam-base")
"""A stage of each kind: reinforcement, collecting, fine-tuning, reward models, exams."""
RECIPE = """
recipe = "r1"
dtype = "fp32"
threads = 1
students = []
[world]
arithmetic = 0.5
programs = 0.0
"""
RL = """
[{name}]
steps = 2
save_every = 1
[{name}.grpo]
problems = 3
group = 4
max_tokens = 40
[{name}.evaluate]
final_questions = 4
final_samples = 2
"""
REST = """
[cold]
problems = 128
samples = 4
max_tokens = 64
thinking = false
readable = false
[dev1]
epochs = 1
save_every = 1
[traces]
problems = 96
samples = 4
max_tokens = 64
thinking = false
readable = false
[dev3]
epochs = 1
save_every = 1
[helpful]
pairs = 64
held_out = 16
save_every = 1
[safe]
pairs = 64
held_out = 16
save_every = 1
[table]
questions = 3
samples = 2
max_tokens = 40
"""
KILL = """
import os, signal
import aha.disk, aha.pipeline.runner as runner
done, calls = runner.Runner._done, 0
def die(label):
    global calls
    calls += 1
    if calls == {after}:
        os.kill(os.getpid(), signal.SIGKILL)
def deadly(self, name, *more):
    aha.disk._checkpointed_write_hook = die if name == {stage!r} else None
    return done(self, name, *more)
runner.Runner._done = deadly
from aha.cli import main
main()
"""


TERM = """
import os, signal, sys, time
from pathlib import Path
import aha.disk
done = False
def stop(label):
    global done
    out = Path(sys.argv[-1].removeprefix("--out="))
    if not done and any(out.glob("stages/{stage}-*.part/checkpoints/step-*/manifest.json")):
        done = True
        print("killed at", time.time(), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
aha.disk._checkpointed_write_hook = stop
from aha.cli import main
main()
"""
"""Asks to stop as soon as the stage has a checkpoint."""


def recipe(folder):
    file = folder / "small.toml"
    stretches = "".join(RL.format(name=name) for name in ("zero", "dev2", "reasoning", "scenarios"))
    file.write_text(RECIPE + stretches + REST)
    return file


def run(file, out, code="from aha.cli import main; main()"):
    command = [sys.executable, "-c", code, "run", str(file), f"--out={out}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, cwd=ROOT)


def digests(out):
    return {stage.name: stage.digest for stage in read_stages(out)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    done = run(recipe(folder), folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.mark.slow
def test_a_run_killed_in_every_kind_of_stage_ends_like_one_that_was_not(tmp_path, undisturbed):
    file = recipe(tmp_path)
    for after, stage in enumerate(KINDS, 3):
        killed = run(file, tmp_path / "run", KILL.format(stage=stage, after=after))
        assert killed.returncode == -signal.SIGKILL, (stage, killed.stderr)
        assert list((tmp_path / "run" / "stages").glob(f"{stage}-*.part"))
    done = run(file, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "run") == digests(undisturbed)


@pytest.mark.slow
def test_a_run_told_to_stop_leaves_a_checkpoint_within_ten_seconds_and_ends_the_same(tmp_path, undisturbed):
    file = recipe(tmp_path)
    for stage in ("dev1", "helpful"):
        stopped = run(file, tmp_path / "run", TERM.format(stage=stage))
        took = time.time() - float(re.findall(r"killed at ([\d.]+)", stopped.stdout)[-1])
        assert stopped.returncode == 143 and took < 10, (stage, stopped.stderr)
        [draft] = (tmp_path / "run" / "stages").glob(f"{stage}-*.part")
        assert list((draft / "checkpoints").glob("step-*/manifest.json")), stage
    done = run(file, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "run") == digests(undisturbed)


@pytest.mark.slow
def test_a_finished_run_does_nothing_again(undisturbed):
    before = {file: file.stat().st_mtime_ns for file in undisturbed.glob("stages/*/stage.json")}
    assert run(undisturbed.parent / "small.toml", undisturbed).returncode == 0
    assert {file: file.stat().st_mtime_ns for file in undisturbed.glob("stages/*/stage.json")} == before


@pytest.mark.slow
def test_every_stage_records_its_inputs_cost_and_headline(undisturbed):
    stages = read_stages(undisturbed)
    assert {stage.name for stage in stages} >= set(STAGES)
    for stage in stages:
        assert stage.record["headline"] and stage.record["seconds"] >= 0 and stage.record["inputs"]
    data = json.loads((next(undisturbed.glob("stages/data-*")) / "card.json").read_text())
    assert {"countdown", "arithmetic"} <= set(data["domains"])


def test_a_missing_student_is_refused_before_anything_trains(tmp_path):
    file = recipe(tmp_path)
    done = run(
        file,
        tmp_path / "run",
        "import sys; sys.argv.append('--students=[\"nobody\"]'); from aha.cli import main; main()",
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "nobody" in done.stderr
    assert not (tmp_path / "run" / "stages").exists()


def test_a_misspelt_stage_is_named(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text('recipe = "r1"\n[dev1]\nepoch = 2\n')
    done = run(file, tmp_path / "run")
    assert done.returncode == 2 and "did you mean 'dev1.epochs'" in done.stderr


def test_the_shipped_recipe_fits_its_settings():
    from aha.pipeline.recipes import load_recipe

    assert isinstance(load_recipe(ROOT / "recipes" / "laptop.toml", []), R1)
