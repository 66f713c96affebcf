"""A fork bomb, and whether a pool outlives it: a program of its own too, so that another user can run it.

python -m tests.bombs
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Program

BOMB = Program("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", limits=Limits(wall=2, cpu=2))
ONE = Program("print(1)")


def below(pid):
    """The processes that come of one, itself among them."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def runs_a_second(pool, jobs):
    began = time.monotonic()
    assert all(pool.run(ONE).verdict == "AC" for _ in range(jobs))
    return jobs / (time.monotonic() - began)


def outlives_a_bomb():
    """Whether no process of a fork bomb is left a second after its verdict, and 50 jobs go as fast as before."""
    with Pool(1) as pool:
        for _ in range(3):  # a busy machine may be slow once
            before = runs_a_second(pool, 50)
            processes = len(below(pool._idle[0].process.pid))
            assert pool.run(BOMB).verdict in ("TLE", "RE", "MLE")
            after = runs_a_second(pool, 50)
            assert len(below(pool._idle[0].process.pid)) == processes and pool.broken == 0
            if after >= 0.8 * before:
                return True
    return False


if __name__ == "__main__":
    sys.exit(0 if outlives_a_bomb() else 1)
