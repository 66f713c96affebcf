"""How many untrusted programs a second the jail runs, beside `python3 -c`, and whether it stays whole over many.

    python -m benchmarks.sandbox_speed [--jobs 500] [--workers 1 2] [--json]
    python -m benchmarks.sandbox_speed --soak 20000

A job is `print(input())`. Latency is that of one job in a pool with as many callers as workers. The soak mixes 5 % of
attacks among the jobs and looks at this process and its jails now and then: memory, descriptors, processes and mounts
must not grow, and no verdict may be wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aha.sandbox.jail import LEVELS, Jail, JailBroken, Level
from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Program

ECHO = "print(input())"
BLOCK = 200
"""Jobs between two looks at what could grow."""
ATTACKS = {
    "while True: pass": "TLE", "held = []\nwhile True: held.append(bytearray(1 << 24))": "MLE",
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass": "TLE RE MLE",
    "while True: print('x' * 9999)": "OLE", "import os\nos.kill(-1, 9)\nprint(1)": "AC RE",
    "import os\nif os.fork(): os._exit(0)\nos.setsid()\nwhile True: pass": "AC",
    "for n in range(99):\n    with open(f'/tmp/{n}', 'wb') as f: f.write(bytes(1 << 24))": "RE",
}  # fmt: skip


def python_alone(jobs: int, workers: int) -> list[float]:
    """Seconds of each of some runs of a fresh interpreter."""

    def one(_: int) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", ECHO], input=b"x", stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began

    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(one, range(jobs)))


def jailed(level: Level, jobs: int, workers: int) -> list[float]:
    """Seconds of each of some jobs in a pool that has started."""
    with Pool(workers, level) as pool:
        pool.map([Program(ECHO, b"x")] * workers)

        def one(_: int) -> float:
            began = time.perf_counter()
            outcome = pool.run(Program(ECHO, b"x"))
            assert outcome.stdout == b"x\n", outcome
            return time.perf_counter() - began

        return list(pool.threads.map(one, range(jobs)))


def measure(jobs: int, workers: int) -> list[dict[str, Any]]:
    """A row for each way to run programs that works here; `to_python` is its rate beside that of `python3 -c`."""
    rows, alone = [], 0.0
    for name in ("python3 -c", *LEVELS):
        count = jobs if name in ("forks", "landlock") else max(20, jobs // 5)
        began = time.perf_counter()
        try:
            if name != "python3 -c":
                Jail(name).close()
                began = time.perf_counter()
            seconds = sorted(python_alone(count, workers) if name == "python3 -c" else jailed(name, count, workers))
        except JailBroken as error:
            rows.append({"way": name, "workers": workers, "missing": str(error)})
            continue
        spent = time.perf_counter() - began
        rate = count / spent
        alone = rate if name == "python3 -c" else alone
        rows.append({
            "way": name, "workers": workers, "jobs": count, "per_second": round(rate, 1), "to_python": round(rate / alone, 2),
            "median_ms": round(1000 * statistics.median(seconds), 1), "p99_ms": round(1000 * seconds[int(0.99 * (count - 1))], 1),
        })  # fmt: skip
    return rows


def state() -> dict[str, int]:
    """What could grow: this process's memory in MB and descriptors, processes on the machine, mounts."""
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    mounts = len(Path("/proc/self/mounts").read_text().splitlines())
    return {
        "memory_mb": memory, "descriptors": len(os.listdir("/proc/self/fd")), "processes": processes, "mounts": mounts,
    }  # fmt: skip


def soak(jobs: int, workers: int) -> dict[str, Any]:
    """Run jobs and attacks, and tell what grew and which verdicts were wrong."""
    rng, wrong, seen = random.Random(0), list[str](), list[dict[str, int]]()
    short = Limits(wall=4, cpu=4, memory=256 << 20)
    with Pool(workers) as pool:
        pool.map([Program("print(1)")] * workers)
        for done in range(0, jobs, BLOCK):
            programs, wanted = [], []
            for n in range(min(BLOCK, jobs - done)):
                attack = rng.choice(list(ATTACKS)) if rng.random() < 0.05 else None
                programs.append(Program(attack, limits=short) if attack else Program(ECHO, str(n).encode()))
                wanted.append(ATTACKS[attack] if attack else f"{n}\n")
            for program, outcome, want in zip(programs, pool.map(programs), wanted, strict=True):
                # on a busy machine any attack may run out of time before it gets where it wants
                right = (
                    outcome.verdict in [*want.split(), "TLE"]
                    if program.limits == short
                    else outcome.stdout.decode() == want
                )
                wrong += [] if right else [f"{program.code[:60]!r}: {outcome.verdict} {outcome.reason}"]
            seen.append(state() | {"jobs": done + len(programs), "broken": pool.broken})
            print(json.dumps(seen[-1]), file=sys.stderr)
    return {"jobs": jobs, "wrong": wrong, "first": seen[0], "last": seen[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.soak:
        print(json.dumps(soak(args.soak, max(args.workers)), indent=None if args.json else 1))
        return
    rows = [row for workers in args.workers for row in measure(args.jobs, workers)]
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
