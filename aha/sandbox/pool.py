"""Jails ready to work, shared by threads. A jail that breaks is replaced, and its job tried again."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import TracebackType

from aha.errors import SandboxError
from aha.sandbox.jail import Jail, JailBroken, Level, best_level, bubblewrap, jail_advice
from aha.sandbox.verdict import Outcome, Program, new_nonce, outcome_of

ATTEMPTS = 3
"""How often a job is tried, each time in another jail, before its outcome is SE."""


class Pool:
    """Up to `workers` programs at a time, each in a jail of `level`, by default the best that works here.

        with Pool() as pool:
            outcomes = pool.map([Program("print(input())", b"hello")])

    Threads may share it, and so may forked processes, each of which starts jails of its own. Raises SandboxError when no
    level works; "none", which protects nothing, must be asked for.
    """

    def __init__(self, workers: int = 2, level: Level | None = None) -> None:
        self.workers, self.level = workers, level or required_level()
        self.broken = 0
        """How many jails broke so far."""
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._idle: list[Jail] = []
        self._turns = threading.BoundedSemaphore(self.workers)
        self.threads = ThreadPoolExecutor(self.workers)
        """As many threads as there are jails."""

    def run(self, program: Program) -> Outcome:
        """Run one program. A jail's failure is the verdict SE, never an exception. Raises TypeError for bad arguments."""
        if os.getpid() != self._owner:  # in a forked process: these jails answer the parent
            self._begin()
        with self._turns:
            nonce, why = new_nonce(), ""
            job = program.as_job(nonce)
            for _ in range(ATTEMPTS):
                jail = None
                try:
                    jail = self._idle.pop() if self._idle else Jail(self.level)
                    outcome = outcome_of(jail.run(job), nonce, program.limits)
                except (JailBroken, OSError) as error:
                    self.broken, why = self.broken + 1, str(error)
                    if jail:
                        jail.close()
                    continue
                if self.level == "fresh":
                    jail.close()
                else:
                    self._idle.append(jail)
                return outcome
            return Outcome("SE", why)

    def map(self, programs: Sequence[Program]) -> list[Outcome]:
        """Run programs side by side; outcomes in their order."""
        if os.getpid() != self._owner:
            self._begin()
        return list(self.threads.map(self.run, programs))

    def close(self) -> None:
        """End all jails."""
        if os.getpid() == self._owner:
            self.threads.shutdown()
            while self._idle:
                self._idle.pop().close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def required_level() -> Level:
    """The best level that works here. Raises SandboxError, saying what each one lacks, when none does."""
    level, problems = best_level()
    if level is None:
        tried = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise SandboxError(
            f"untrusted code cannot be confined on this machine ({tried}). To change that, "
            f"{jail_advice(problems, bubblewrap() is not None)}. To run it with nothing around it, say --unprotected true in "
            "a recipe, --level none to aha sandbox run"
        )
    return level


_unprotected = False


def unprotect() -> None:
    """Let the shared pool run programs without a jail where no level works. Call it before the pool is first used."""
    global _unprotected
    _unprotected = True


def shared_level() -> Level | None:
    """What held the programs that this process has run in the shared pool; None if it ran none."""
    return shared_pool().level if shared_pool.cache_info().currsize else None


@cache
def shared_pool() -> Pool:
    """One pool for the whole program, with as many jails as there are cores. It ends with the program."""
    pool = Pool(os.cpu_count() or 1, best_level()[0] or "none" if _unprotected else None)
    atexit.register(pool.close)
    return pool
