import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aha import disk
from aha.disk import verify
from aha.errors import CheckpointError, RunError
from aha.runlog import RunLog, read_samples
from aha.tables import read_jsonl

SETTINGS = "steps = 10\n\n[grpo]\ngroup = 8\n"


@pytest.fixture
def log(tmp_path):
    with RunLog.open(tmp_path / "run", SETTINGS) as log:
        log.warnings = []
        log.warn = log.warnings.append
        yield log


def weights(step):
    """What a checkpoint of `step` holds: two files, one of them in a folder."""

    def write(folder):
        (folder / "model").mkdir()
        (folder / "model" / "weights.bin").write_bytes(bytes([step]) * 1000)
        (folder / "trainer.json").write_text(json.dumps({"step": step}))

    return write


def holds(folder, step):
    return (folder / "model" / "weights.bin").read_bytes() == bytes([step]) * 1000


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fail_at(monkeypatch, count, error):
    """Raise at the `count`th write, fsync or rename from now on."""
    left = [count]

    def hook(label):
        left[0] -= 1
        if left[0] == 0:
            raise error

    monkeypatch.setattr(disk, "_checkpointed_write_hook", hook)


# one process, one set of settings -----------------------------------------------------------


def test_a_second_process_is_refused_until_the_first_ends(log):
    code = (
        f"from pathlib import Path; from aha.runlog import RunLog; RunLog.open(Path({str(log.root)!r}), {SETTINGS!r})"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"already in use by process {os.getpid()}" in second.stderr
    log.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_killed_process_leaves_no_lock_even_when_its_worker_lives_on(tmp_path):
    ready, go = os.pipe()
    owner = os.fork()
    if owner == 0:
        RunLog.open(tmp_path, SETTINGS)
        if os.fork() == 0:
            os.setsid()
            os.write(go, b"%d\n" % os.getpid())
        signal.pause()
    worker = int(os.read(ready, 32))
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    try:
        RunLog.open(tmp_path, SETTINGS).close()
    finally:
        os.kill(worker, signal.SIGKILL)


def test_other_settings_are_refused_and_named(log):
    log.close()
    with pytest.raises(RunError, match=r"has `grpo.group = 8`, now it is `grpo.group = 16`: use the same settings, or"):
        RunLog.open(log.root, SETTINGS.replace("8", "16"))
    with pytest.raises(RunError, match=r"has `no seed`, now it is `seed = 1`"):
        RunLog.open(log.root, "seed = 1\n" + SETTINGS)
    RunLog.open(log.root, "# the same\n" + SETTINGS).close()


def test_a_setting_that_may_differ_is_updated(log):
    log.close()
    longer = SETTINGS.replace("10", "20")
    RunLog.open(log.root, longer, ignore=["steps"]).close()
    assert (log.root / "settings.toml").read_text() == longer


def test_every_start_records_where_it_ran(log):
    log.close()
    RunLog.open(log.root, SETTINGS).close()
    starts = json.loads((log.root / "environment.json").read_text())
    assert len(starts) == 2 and starts[0]["python"].startswith("3.") and starts[1]["argv"] == sys.argv


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(RunError, match="run cannot be written: File exists"):
        RunLog.open(tmp_path / "run", SETTINGS)


# metrics, evaluations, samples ---------------------------------------------------------------


def test_numbers_that_json_lacks_become_null(log):
    log.metrics({"step": 1, "loss": float("nan"), "parts": [float("inf"), 0.5]})
    log.evaluation({"step": 1, "accuracy": 0.25})
    assert read_jsonl(log.root / "metrics.jsonl") == [{"step": 1, "loss": None, "parts": [None, 0.5]}]
    assert read_jsonl(log.root / "evals.jsonl") == [{"step": 1, "accuracy": 0.25}]


@pytest.mark.parametrize("torn", [b'{"step": 2, "lo', b"\0\0\0\0", b'"'])
def test_a_torn_last_line_is_ignored_and_then_removed(log, torn):
    log.metrics({"step": 1})
    file = log.root / "metrics.jsonl"
    file.write_bytes(file.read_bytes() + torn)
    assert read_jsonl(file) == [{"step": 1}]
    log.close()
    with RunLog.open(log.root, SETTINGS) as again:
        again.metrics({"step": 2})
    assert read_jsonl(file) == [{"step": 1}, {"step": 2}]


def test_a_damaged_line_in_the_middle_is_an_error(log):
    (log.root / "metrics.jsonl").write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    with pytest.raises(RunError, match=r"metrics.jsonl:2: not a JSON record"):
        read_jsonl(log.root / "metrics.jsonl")


def test_samples_read_back(log):
    rows = [{"text": "1 + 1 = 二", "reward": 1, "ids": [1, 2]}, {"text": "", "reward": None, "ids": [], "why": "cut"}]
    log.samples(12, rows)
    assert read_samples(log.root, 12) == [rows[0] | {"why": None}, rows[1]]
    assert names(log.root / "samples") == ["step-000012.parquet"]
    log.samples(13, [])
    assert read_samples(log.root, 13) == []


def test_a_column_of_many_types_is_kept_as_json(log):
    log.samples(1, [{"answer": 24, "parts": {}}, {"answer": "A", "parts": {}}])
    assert read_samples(log.root, 1) == [{"answer": "24", "parts": "{}"}, {"answer": '"A"', "parts": "{}"}]


def test_samples_that_are_missing_or_damaged_are_an_error(log):
    (log.root / "samples" / "step-000001.parquet").write_bytes(b"PAR1")
    for step in (1, 2):
        with pytest.raises(RunError, match=f"step-00000{step}.parquet cannot be read"):
            read_samples(log.root, step)


# checkpoints ---------------------------------------------------------------------------------


def test_the_newest_checkpoint_is_the_latest(log):
    assert log.latest() is None
    for step in (9, 10):
        log.checkpoint(step, weights(step))
    step, folder = log.latest()
    assert step == 10 and holds(folder, 10) and not log.warnings


def test_only_the_newest_stay(log):
    for step in range(1, 6):
        log.checkpoint(step, weights(step))
    assert names(log.root / "checkpoints") == ["step-000004", "step-000005"]


def test_a_whole_checkpoint_outlives_damaged_ones(log):
    log.keep = 1
    log.checkpoint(2, weights(2))
    (log.root / "checkpoints" / "step-000009").mkdir()
    log.checkpoint(3, weights(3))
    assert names(log.root / "checkpoints") == ["step-000003", "step-000009"]
    assert log.latest()[0] == 3


def test_a_step_keeps_its_checkpoint_unless_that_is_damaged(log):
    folder = log.checkpoint(2, weights(2))
    log.checkpoint(2, weights(3))
    assert holds(folder, 2)
    (folder / "manifest.json").unlink()
    assert holds(log.checkpoint(2, weights(3)), 3)


def flip(file):
    data = bytearray(file.read_bytes())
    data[7] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("model/weights.bin", flip, "weights.bin has changed since it was written"),
        ("model/weights.bin", lambda file: os.truncate(file, 10), "weights.bin has 10 bytes, not 1000"),
        ("trainer.json", Path.unlink, "trainer.json is missing"),
        ("manifest.json", Path.unlink, "manifest.json is missing"),
        ("manifest.json", lambda file: os.truncate(file, 0), "manifest.json is damaged"),
        ("manifest.json", lambda file: file.write_text("[]"), "manifest.json is damaged"),
    ],
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(log, name, damage, message):
    log.checkpoint(1, weights(1))
    newest = log.checkpoint(2, weights(2))
    damage(newest / name)
    with pytest.raises(CheckpointError, match=message):
        verify(newest)
    step, folder = log.latest()
    assert step == 1 and holds(folder, 1) and message in log.warnings[0]


def test_a_checkpoint_under_the_name_of_another_step_is_damaged(log):
    folder = log.checkpoint(1, weights(1))
    folder.rename(folder.with_name("step-000007"))
    with pytest.raises(CheckpointError, match="that of step 1"):
        verify(folder.with_name("step-000007"))


def test_no_whole_checkpoint_left_is_an_error(log):
    for step in (1, 2):
        flip(log.checkpoint(step, weights(step)) / "trainer.json")
    (log.root / "checkpoints" / "step-old").mkdir()
    with pytest.raises(CheckpointError, match="none of the 2 checkpoints is whole"):
        log.latest()


def test_every_flipped_byte_of_a_checkpoint_but_the_version_is_noticed(log):
    folder = log.checkpoint(1, weights(1))
    manifest = (folder / "manifest.json").read_bytes()
    start = manifest.index(b'"aha"')
    unnoticed = set()
    for place in range(len(manifest)):
        (folder / "manifest.json").write_bytes(manifest[:place] + b"#" + manifest[place + 1 :])
        try:
            verify(folder)
        except CheckpointError:
            continue
        unnoticed.add(place)
    spaces = {place for place, byte in enumerate(manifest) if byte == ord("#")}
    assert unnoticed - spaces <= set(range(start, start + len(b'"aha": "0.1.0"')))


# rewinding -------------------------------------------------------------------------------------


def train(log, steps, checkpoints=()):
    for step in steps:
        log.metrics({"step": step, "loss": 1 / (step + 1)})
        log.evaluation({"step": step, "accuracy": step / 10})
        log.samples(step, [{"step": step}])
        if step in checkpoints:
            log.checkpoint(step, weights(step))


def contents(root):
    files = [path for path in root.rglob("*") if path.is_file() and path.name not in ("environment.json", "lock")]
    return {path.relative_to(root): path.read_bytes() for path in files}


def test_a_resumed_run_leaves_the_log_of_an_uninterrupted_one(log, tmp_path):
    with RunLog.open(tmp_path / "straight", SETTINGS) as straight:
        train(straight, range(10), checkpoints=(3, 6, 9))
    train(log, range(8), checkpoints=(3, 6))
    flip(log.root / "checkpoints" / "step-000006" / "trainer.json")
    log.close()
    with RunLog.open(log.root, SETTINGS) as again:
        again.warn = lambda message: None
        step, _ = again.latest()
        again.rewind(step)
        assert step == 3 and names(again.root / "checkpoints") == ["step-000003"]
        train(again, range(step + 1, 10), checkpoints=(3, 6, 9))
    assert contents(log.root) == contents(tmp_path / "straight")


def test_rewinding_before_the_first_step_forgets_all(log):
    train(log, range(3), checkpoints=(2,))
    log.rewind(-1)
    assert read_jsonl(log.root / "metrics.jsonl") == [] and log.latest() is None
    assert names(log.root / "samples") == []


# death and full disks ----------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program handles it."""


def count_points(monkeypatch, root):
    """How many writes, fsyncs and renames `train_through` passes."""
    labels = []
    monkeypatch.setattr(disk, "_checkpointed_write_hook", labels.append)
    train_through(root, [])
    assert {label.split()[1] for label in labels} == {"write", "fsync", "rename"}
    return len(labels)


def train_through(root, announced):
    """A run that resumes wherever it was, up to step 3, with every step logged and saved."""
    with RunLog.open(root, SETTINGS, keep=2) as log:
        found = log.latest()
        assert found is None or holds(found[1], found[0])
        assert (found[0] if found else 0) >= max(announced, default=0)
        log.rewind(found[0] if found else 0)
        for step in range(found[0] + 1 if found else 1, 4):
            log.metrics({"step": step})
            log.samples(step, [{"step": step}])
            log.checkpoint(step, weights(step))
            announced.append(step)


def test_a_run_killed_at_any_point_ends_as_if_it_was_not(tmp_path, monkeypatch):
    points = count_points(monkeypatch, tmp_path / "straight")
    expected = contents(tmp_path / "straight")
    for point in range(1, points + 1):
        root, announced = tmp_path / str(point), []
        fail_at(monkeypatch, point, Killed())
        with pytest.raises(Killed):
            train_through(root, announced)
        fail_at(monkeypatch, point % 8 + 1, Killed())  # and again while it recovers
        with pytest.raises(Killed):
            train_through(root, announced)
        monkeypatch.setattr(disk, "_checkpointed_write_hook", None)
        train_through(root, announced)
        assert contents(root) == expected, f"killed at point {point}"


def die_at(count):
    left = iter(range(1, count))

    def hook(label):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def test_a_real_kill_leaves_the_announced_checkpoints(tmp_path, monkeypatch):
    points = count_points(monkeypatch, tmp_path / "straight")
    expected = contents(tmp_path / "straight")
    monkeypatch.setattr(disk, "_checkpointed_write_hook", None)
    for point in range(1, points + 1, 7):
        child = os.fork()
        if child == 0:
            disk._checkpointed_write_hook = die_at(point)
            train_through(tmp_path / str(point), [])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        train_through(tmp_path / str(point), [])
        assert contents(tmp_path / str(point)) == expected


def test_a_disk_that_fills_at_any_point_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    points = count_points(monkeypatch, tmp_path / "straight")
    expected = contents(tmp_path / "straight")
    for point in range(1, points + 1):
        root, announced = tmp_path / str(point), []
        fail_at(monkeypatch, point, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(RunError, match="cannot be written: No space left on device.*free some disk space"):
            train_through(root, announced)
        assert not list(root.glob("checkpoints/.draft-step-*")), "a failed draft gives its space back"
        monkeypatch.setattr(disk, "_checkpointed_write_hook", None)
        train_through(root, announced)
        assert contents(root) == expected


def test_a_full_disk_in_a_library_s_own_words_is_the_same_error(log):
    def write(folder):
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    log.checkpoint(1, weights(1))
    with pytest.raises(RunError, match="step-000002 cannot be written: .*free some disk space"):
        log.checkpoint(2, write)
    assert log.latest()[0] == 1


def test_a_bug_in_the_writer_keeps_its_traceback(log):
    with pytest.raises(ZeroDivisionError):
        log.checkpoint(1, lambda folder: 1 / 0)
    assert names(log.root / "checkpoints") == []


def test_checkpoints_of_steps_that_are_given_up_are_forgotten(tmp_path):
    with RunLog.open(tmp_path / "run", "", keep=3) as log:
        for step in (2, 4, 6):
            log.checkpoint(step, lambda folder: (folder / "weights").write_text("x"))
        log.forget(3)
        assert log.latest()[0] == 2
