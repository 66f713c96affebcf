"""The jail where its processes die, its disk is full, bombs go off in it, or nothing holds (reliability S5, S15-S18)."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from aha.errors import SandboxError
from aha.sandbox import jail as jail_module
from aha.sandbox import pool as pool_module
from aha.sandbox.jail import ENVIRONMENT, best_level
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Program
from benchmarks.sandbox_speed import soak
from tests.bombs import ONE, below, outlives_a_bomb, runs_a_second

pytestmark = pytest.mark.skipif(best_level()[0] is None, reason=f"no jail holds here: {best_level()[1]}")


def test_a_fork_bomb_ends_with_its_program_and_leaves_the_pool_fast():
    assert outlives_a_bomb()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_pool_of_an_ordinary_user_outlives_a_fork_bomb_too():
    python = "/usr/bin/python3"  # one that other users may read, as they may not read root's own
    as_user = partial(subprocess.run, cwd=Path(__file__).parents[1], user=65534, group=65534, extra_groups=[], env={})
    try:
        as_user([python, "-c", "import tests.bombs"], check=True, stderr=subprocess.PIPE)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"another user cannot run this: {error}")
    assert as_user([python, "-m", "tests.bombs"]).returncode == 0


def test_a_batch_is_completed_though_its_jails_are_killed_under_it():
    """As the kernel does when memory runs out."""
    with Pool(2) as pool:
        threading.Timer(
            0.5, lambda: [os.kill(pid, signal.SIGKILL) for pid in below(os.getpid()) if is_bwrap(pid)]
        ).start()
        outcomes = pool.map([Program(f"import time\ntime.sleep(0.2)\nprint({n})") for n in range(16)])
        assert pool.broken > 0
    assert [outcome.stdout for outcome in outcomes] == [b"%d\n" % n for n in range(16)]


def is_bwrap(pid):
    with suppress(OSError):
        return "bwrap" in Path(f"/proc/{pid}/comm").read_text()


def test_a_full_disk_is_a_sandbox_error_and_no_verdict(monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with Pool(1, "landlock") as pool:
        outcome = pool.run(ONE)
    assert outcome.verdict == "SE" and "No space left on device" in outcome.reason


def test_a_jail_that_dies_is_replaced_and_its_job_done():
    with Pool(1) as pool:
        pool.run(Program("print(1)"))
        os.kill(pool._idle[0].first, signal.SIGKILL)
        assert pool.run(Program("print(2)")).stdout == b"2\n"
        assert pool.broken == 1


def test_a_jail_that_cannot_start_is_a_sandbox_error_and_the_pool_goes_on_once_it_can(monkeypatch):
    with Pool(1) as pool:
        with monkeypatch.context() as broken:
            broken.setattr(jail_module, "_command", lambda *_: ["/nonexistent/bwrap"])
            assert pool.run(ONE).verdict == "SE" and pool.broken == pool_module.ATTEMPTS
        assert pool.run(ONE).verdict == "AC"


def test_where_no_level_works_programs_are_refused_with_the_fix(monkeypatch):
    monkeypatch.setattr(pool_module, "best_level", lambda: (None, {"forks": "bubblewrap is not installed"}))
    monkeypatch.setattr(pool_module, "bubblewrap", lambda: None)
    with pytest.raises(SandboxError, match="bubblewrap is not installed.*apt install bubblewrap"):
        Pool()


def test_without_bubblewrap_landlock_is_taken_and_without_that_nothing(monkeypatch):
    best_level.cache_clear()
    monkeypatch.setattr(jail_module, "bubblewrap", lambda: None)
    monkeypatch.setattr(jail_module, "landlock_version", lambda: 2)
    level, problems = best_level()
    best_level.cache_clear()
    assert level is None and "Landlock version 2" in problems["landlock"]


def test_many_programs_run_in_the_time_of_one_plain_python():
    """`python -m benchmarks.sandbox_speed` has the figures; a test on a busy machine can only compare."""
    plain = ["/usr/bin/env", "-i", *(f"{k}={v}" for k, v in ENVIRONMENT.items()), sys.executable, "-c", "print(1)"]
    with Pool(1) as pool:
        pool.run(ONE)
        for _ in range(3):
            began = time.monotonic()
            subprocess.run(plain, check=True, stdout=subprocess.DEVNULL)
            if runs_a_second(pool, 50) > 2 / (time.monotonic() - began):
                return
    pytest.fail("a program in the jail takes more than half as long as python3 -c")


@pytest.mark.slow
def test_many_jobs_with_attacks_among_them_get_right_verdicts_and_leave_nothing():
    report = soak(400, 2)
    assert report["wrong"] == [] and report["last"]["broken"] == 0
    grown = {name: report["last"][name] - report["first"][name] for name in ("descriptors", "mounts", "memory_mb")}
    assert grown["descriptors"] == grown["mounts"] == 0 and grown["memory_mb"] < 20
