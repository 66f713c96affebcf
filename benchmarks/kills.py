"""Kill a run of all stages again and again, at random moments, and see that it ends as one that was left alone.

    python -m benchmarks.kills --kills 200

Runs the recipe of `tests/test_stages.py` in fp32. Each time a child does the run and is killed with SIGKILL after a
random while; the next child continues. A run that gets to its end is compared with an undisturbed one, stage by stage,
and another begins in a new folder, until all kills are spent. Children are forked from a process that has imported
everything, so that most kills meet work and not imports. Ends with status 1 where a run differs or cannot continue.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from aha.cli import main as aha
from aha.pipeline.runner import read_stages

for name in ("stages", "recipes", "rl"):
    importlib.import_module(f"aha.pipeline.{name}")


def child(recipe: Path, out: Path, log: Path) -> int:
    """Start a process that does the run, and return its number."""
    pid = os.fork()
    if pid:
        return pid
    os.setpgid(0, 0)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.argv = ["aha", "run", str(recipe), f"--out={out}"]
    status = 1
    try:
        aha()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        os._exit(status)


def ended(pid: int, seconds: float | None) -> int | None:
    """The exit status of a child, or None if it was killed after so many seconds."""
    until = time.monotonic() + (seconds or 1e9)
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.005)


def at_work(out: Path) -> str:
    """The stage that a killed run was at."""
    drafts = [path.name.rpartition("-")[0] for path in (out / "stages").glob("*.part")]
    return drafts[0] if drafts else "between stages"


def digests(out: Path) -> dict[str, str]:
    """What each stage of a whole run made."""
    return {stage.name: stage.digest for stage in read_stages(out)}


def main() -> None:
    """Spend the kills and say where they struck."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--longest", type=float, default=3.0, help="seconds until a kill, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", type=Path, required=True)
    given = parser.parse_args()
    rng, struck, whole = random.Random(given.seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        if ended(child(given.recipe, root / "alone", root / "log"), None):
            sys.exit(f"the undisturbed run failed:\n{(root / 'log').read_text()[-2000:]}")
        expected = digests(root / "alone")
        while sum(struck.values()) < given.kills:
            out, status = root / f"run-{whole}", None
            while status is None:
                left = given.kills > sum(struck.values())
                status = ended(
                    child(given.recipe, out, root / "log"), rng.uniform(0.05, given.longest) if left else None
                )
                struck[at_work(out)] += status is None
            if status or digests(out) != expected:
                sys.exit(f"after {dict(struck)} kills the run ended with status {status} or with other results")
            whole += 1
    places = ", ".join(f"{name} {count}" for name, count in struck.most_common())
    print(f"{sum(struck.values())} kills, {whole} runs, every one ended like the undisturbed run. Struck in: {places}")


if __name__ == "__main__":
    main()
