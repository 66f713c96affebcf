"""An R1-Zero run: killed anywhere it ends as if it never was, and it refuses what it cannot do in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aha.tables import read_jsonl

SETTINGS = [
    "--steps=4", "--dtype=fp32", "--threads=1", "--save-every=2", "--grpo.problems=4", "--grpo.group=4",
    "--grpo.max-tokens=64", "--evaluate.every=2", "--evaluate.questions=4", "--evaluate.samples=2",
    "--evaluate.final-questions=6", "--evaluate.final-samples=2", "--task.by=expression", "--task.test_count=20",
]  # fmt: skip
KILLERS = {
    "while sampling": "from aha.rollout.engine import TorchEngine as C; name = 'generate'; after = 6",
    "while updating": "from aha.train import grpo as C; name = 'update'; after = 3",
    "while saving": "import aha.disk as C; name = 'rename'; after = 9",
}
KILL = """
import os, signal, sys
{setup}
original, calls = getattr(C, name), 0
def deadly(*a, **k):
    global calls
    calls += 1
    if calls == after:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*a, **k)
setattr(C, name, deadly)
from aha.cli import main
main()
"""
RECIPE = str(Path(__file__).parents[1] / "recipes" / "zero.toml")


def aha(*words, code=None, **kwargs):
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "aha"]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=500, **kwargs)


def zero(out, *more, code=None):
    return aha("run", RECIPE, f"--out={out}", *SETTINGS, *more, code=code)


def result(out):
    """Everything a finished run must agree on: weights, optimizer, and the numbers of every step but the clock's."""
    last = sorted((out / "checkpoints").glob("step-*"))[-1]
    files = {f.name: f.read_bytes() for f in last.iterdir() if f.name != "manifest.json"}
    timed = ("time", "model")
    rows = [
        {k: v for k, v in row.items() if k not in timed and "second" not in k}
        for name in ("metrics.jsonl", "evals.jsonl")
        for row in read_jsonl(out / name)
    ]
    return last.name, files, rows


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "whole"
    done = zero(out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
@pytest.mark.parametrize("moment", KILLERS)
def test_a_killed_run_ends_bit_for_bit_like_one_that_was_not(tmp_path, undisturbed, moment):
    killed = zero(tmp_path / "run", code=KILL.format(setup=KILLERS[moment]))
    assert killed.returncode == -signal.SIGKILL
    again = zero(tmp_path / "run")
    assert again.returncode == 0, again.stderr
    assert result(tmp_path / "run") == result(undisturbed)


@pytest.mark.slow
def test_term_saves_and_leaves_within_ten_seconds_and_the_run_goes_on(tmp_path, undisturbed):
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-m", "aha", "run", RECIPE, f"--out={out}", *SETTINGS])
    while not (out / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.02)
    began = time.monotonic()
    process.terminate()
    assert process.wait(timeout=10) == 143 and time.monotonic() - began < 10
    assert zero(out).returncode == 0
    assert result(out) == result(undisturbed)


@pytest.mark.slow
def test_a_finished_run_is_not_run_again_and_may_be_made_longer(undisturbed):
    before = result(undisturbed)
    assert zero(undisturbed).returncode == 0
    assert result(undisturbed) == before


@pytest.mark.slow
def test_a_flipped_byte_in_the_newest_checkpoint_falls_back_to_the_one_before(tmp_path, undisturbed):
    subprocess.run(["cp", "-r", undisturbed, tmp_path / "run"], check=True)
    file = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1] / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    again = zero(tmp_path / "run")
    assert again.returncode == 0 and "model.safetensors" in again.stderr
    assert result(tmp_path / "run")[1:] == result(undisturbed)[1:]


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused(undisturbed):
    refused = zero(undisturbed, "--grpo.lr=0.5")
    assert refused.returncode == 2
    assert "lr" in refused.stderr and refused.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_run_writes_a_report_and_all_replies(undisturbed):
    page = (undisturbed / "report.html").read_text()
    assert "<svg" in page and "Content-Security-Policy" in page
    assert len(list((undisturbed / "samples").glob("*.parquet"))) == 5
    steps = read_jsonl(undisturbed / "metrics.jsonl")
    assert [row["step"] for row in steps] == [1, 2, 3, 4]
    assert max(row.get("gap_max", 0.0) for row in steps) < 1e-4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", RECIPE, "--grpo.gruop=4"], "grpo.group"),
        (["run", RECIPE, "--grpo.group=many"], "grpo.group"),
        (["run", "nowhere.toml"], "nowhere.toml"),
        (["run", RECIPE, "--base=nowhere", "--out={tmp}/a"], "nowhere"),
        (["run", RECIPE, "--task.train=nowhere.parquet", "--out={tmp}/b"], "nowhere.parquet"),
        (["run", RECIPE, "--task.test={tmp}/row.csv", "--out={tmp}/c"], "row 1"),
        (["run", RECIPE, "--task.test={tmp}/far.csv", "--out={tmp}/d"], "cannot make"),
        (["eval", "nowhere"], "nowhere"),
        (["eval", "tiny", "--task", "chess"], "countdown"),
        (["eval", "tiny", "--numbers", "three"], "--numbers"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_a_non_zero_exit(tmp_path, words, says):
    (tmp_path / "row.csv").write_text('nums,target\n,12\n"1 2",3\n')
    (tmp_path / "far.csv").write_text('nums,target\n"[1, 1, 1]",99\n')
    done = aha(*(word.replace("{tmp}", str(tmp_path)) for word in words))
    assert done.returncode == 2
    assert says in done.stderr and done.stderr.strip().count("\n") == 0


def test_a_narrow_terminal_and_no_terminal_are_both_fine():
    for columns in ("40", "200"):
        done = aha("run", RECIPE, "--dry-run", env=os.environ | {"COLUMNS": columns, "TERM": "dumb"})
        assert done.returncode == 0 and "[grpo]" in done.stdout and "minutes" in done.stdout


def test_eval_prints_json_and_nothing_else():
    done = aha("eval", "tiny", "--questions=5", "--samples=2", "--max-tokens=64", "--json")
    summary = json.loads(done.stdout)
    assert summary["questions"] == 5 and summary["samples"] == 2 and 0 <= summary["pass@1"] <= 1


@pytest.mark.slow
def test_a_learning_rate_that_breaks_the_model_is_rolled_back_and_told_in_a_line(tmp_path):
    broken = zero(tmp_path / "run", "--steps=8", "--grpo.lr=0.2", "--grpo.warmup=0")
    assert broken.returncode == 2 and broken.stderr.count("\n") == 1
    assert "grpo.lr" in broken.stderr and "the weights of step 0 are in" in broken.stderr
    assert [f.name for f in (tmp_path / "run" / "checkpoints").glob("step-*")] == ["step-000000"]
