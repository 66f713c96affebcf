r"""math-verify in worker processes that are killed when they take too long.

    with Workers() as workers:
        workers.equal(r"\sqrt[3]{16}", r"2 \sqrt[3]{2}")  ->  True

math-verify hangs on towers of powers and guards itself with `signal.alarm`, which works in main threads only. Here a
worker is a plain child process (`child`), spoken to over two pipes, so that callers may be threads, forks or
daemonic processes.

Whose fault is it when no reply comes? Processor time tells: a busy machine makes a request late, not long. A worker
that has used CPU_SECONDS on one request is ended by the kernel, and the texts are at fault. So they are when it is
killed for being late but was at work for half of that, and when it crashes on them twice. If the reference answer
compared with itself does not pass then, the data are (`GoldTooHeavy`). If it does, an answer that was still being read,
or that does not pass with 0 either, is `TooHeavy`. But where the library has read both and fails to compare them, in
time or without an error, the answer is not wrong for it: `WorkerFailed`. Whatever else ends or delays a worker is no
text's fault either: it is tried again in a new one, and then `WorkerFailed`.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

CPU_SECONDS = 2.0
"""Processor time of one request; a usual one takes a hundredth of it."""
WALL_SECONDS = 20.0
START_SECONDS = 120.0
MAX_MESSAGE = 32_768
"""Bytes of a request: less than a pipe holds, so that writing one never blocks."""

_CHILD = Path(__file__).with_name("child.py")
_LENGTH = struct.Struct(">I")
_CRASHES = {-int(getattr(signal, name)) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")}


class TooHeavy(Exception):
    """Reading this answer, or comparing it with 0, takes too much processor time, or crashes the library."""


class GoldTooHeavy(Exception):
    """So does reading the reference answer, or comparing it with itself."""


class WorkerFailed(Exception):
    """No worker could tell, through no fault of the answer."""


class MathVerifyMissing(Exception):
    """math-verify is not installed."""


class _Died(Exception):
    """A worker ended without a reply: "timed out", "crashed", "stalled" or "lost"; and whether it had read both texts."""

    def __init__(self, how: str, comparing: bool = False) -> None:
        super().__init__(how)
        self.how, self.comparing = how, comparing


class _Worker:
    """One child process and its two pipes."""

    def __init__(self, cpu: float, wall: float) -> None:
        self.cpu, self.wall = cpu, wall
        command = [sys.executable, "-P", str(_CHILD), str(os.getpid()), str(cpu)]
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = os.environ | {"PYTHONPATH": paths, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            bufsize=0, start_new_session=True,  # Ctrl-C is for the parent, whose end then closes the pipes
        )  # fmt: skip
        assert self.process.stdin is not None and self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.used, self.began, self.comparing = 0.0, time.monotonic(), False
        self._receive(START_SECONDS)

    def ask(self, message: bytes) -> dict[str, Any]:
        """Send a request and wait for the reply. Raises _Died; the worker is then gone."""
        self.began, self.comparing = time.monotonic(), False
        try:
            self.stdin.write(message)
        except BrokenPipeError:
            raise _Died(self.end()) from None
        reply = self._receive(self.wall)
        if self.comparing:
            reply = self._receive(self.wall)
        return reply

    def _receive(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        [length] = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        reply: dict[str, Any] = json.loads(self._read(length, deadline))
        self.comparing = "comparing" in reply
        self.used = reply.get("cpu", self.used)
        return reply

    def _read(self, size: int, deadline: float) -> bytes:
        poll = select.poll()
        poll.register(self.stdout.fileno(), select.POLLIN)
        data = b""
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise _Died(self.end(late=True), self.comparing)
            part = os.read(self.stdout.fileno(), size - len(data))
            if not part:
                raise _Died(self.end(), self.comparing)
            data += part
        return data

    def end(self, late: bool = False) -> str:
        """Collect the process, killing it if it is late or still runs a second after it closed its pipe."""
        self.close()
        if not late:
            with contextlib.suppress(subprocess.TimeoutExpired, ChildProcessError):
                self._collect(time.monotonic() + 1)
        if self.process.returncode is None:
            self.process.kill()
            self._collect(time.monotonic() + 60)
        if self.process.returncode == -signal.SIGPROF:
            return "timed out"
        if late:
            return "timed out" if self.used >= self.cpu / 2 else "stalled"
        return "crashed" if self.process.returncode in _CRASHES else "lost"

    def _collect(self, deadline: float) -> None:
        """Wait for the end; then `used` is the processor time of the request it ended in."""
        while self.process.returncode is None:
            try:
                pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else collects this program's children
                long = time.monotonic() - self.began >= self.cpu
                self.process.returncode = -signal.SIGPROF if long else -signal.SIGKILL
                return
            if pid:
                self.used = usage.ru_utime + usage.ru_stime - self.used
                self.process.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("child", 0)
            else:
                time.sleep(0.002)

    def close(self) -> None:
        """Close both pipes; an idle child then ends by itself."""
        self.stdin.close()
        self.stdout.close()


class Workers:
    """At most `size` worker processes, each started when first needed.

    `counts` holds how often an answer was "too heavy" or "undecided", and how often a worker "timed out", "crashed", "stalled" (was
    late without being at work) or was "lost" (ended from outside).
    """

    def __init__(self, size: int = 2, cpu: float = CPU_SECONDS, wall: float = WALL_SECONDS) -> None:
        self.size, self.cpu, self.wall = size, cpu, wall
        self.counts: Counter[str] = Counter()
        self._reset()
        _ALL.add(self)

    def _reset(self) -> None:
        self.idle: list[_Worker] = []
        self.busy: set[_Worker] = set()
        self.free = threading.Semaphore(self.size)
        self.lock = threading.Lock()

    def equal(self, gold: str, answer: str, lenient: bool = False) -> bool:
        """Whether math-verify finds the answer, in LaTeX, equal to the gold one.

        Raises TooHeavy, GoldTooHeavy, WorkerFailed or MathVerifyMissing.
        """
        reply = self._try(gold, answer, lenient)
        if "fault" in reply:
            if "fault" in self._try(gold, gold, lenient):
                raise GoldTooHeavy(gold[:200])
            if reply["fault"] == "reading" or "fault" in self._try("0", answer, lenient):
                self._count("too heavy")
                raise TooHeavy(f"more than {self.cpu:g} s of processor time, or a crash")
        if "equal" not in reply:
            self._count("undecided")
            raise WorkerFailed(f"math-verify could not compare: {reply.get('error', 'it took too long, or crashed')}")
        return bool(reply["equal"])

    def _try(self, gold: str, answer: str, lenient: bool) -> dict[str, Any]:
        """The reply, or at what the texts were at "fault": when they were read, or compared."""
        message = _pack({"gold": gold, "answer": answer, "lenient": lenient})
        if len(message) > MAX_MESSAGE:
            return {"fault": "reading"}
        ends = []
        for _ in range(2):
            try:
                return self._ask(message)
            except _Died as death:
                self._count(death.how)
                ends.append(death.how)
                if death.how == "timed out" or ends == ["crashed", "crashed"]:
                    return {"fault": "comparing" if death.comparing else "reading"}
        raise WorkerFailed(f"two workers were {' and '.join(ends)}")

    def _ask(self, message: bytes) -> dict[str, Any]:
        with self.free:
            worker = self._take()
            try:
                reply = worker.ask(message)
            except BaseException:
                worker.end(late=True)
                raise
            finally:
                with self.lock:
                    self.busy.discard(worker)
            with self.lock:
                self.idle.append(worker)
        return reply

    def _take(self) -> _Worker:
        with self.lock:
            worker = self.idle.pop() if self.idle else None
        if worker is None:
            if importlib.util.find_spec("math_verify") is None:
                raise MathVerifyMissing("this answer needs math-verify: pip install 'math-verify[antlr4_13_2]'")
            worker = _Worker(self.cpu, self.wall)
        with self.lock:
            self.busy.add(worker)
        return worker

    def _count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def stop(self) -> None:
        """End the idle workers and kill the busy ones. The next request starts new ones."""
        with self.lock:
            idle, self.idle = self.idle, []
            for worker in self.busy:
                worker.process.kill()
        for worker in idle:
            worker.end()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _pack(message: dict[str, Any]) -> bytes:
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
    return _LENGTH.pack(len(body)) + body


_ALL: weakref.WeakSet[Workers] = weakref.WeakSet()


def _after_fork() -> None:
    """The workers are the parent's. This copy of their pipes is closed, or they would not see the parent end."""
    for workers in list(_ALL):
        for worker in [*workers.idle, *workers.busy]:
            worker.process.returncode = 0  # not this process's child, so nobody here waits for it
            worker.close()
        workers._reset()


@atexit.register
def _stop_all() -> None:
    for workers in list(_ALL):
        workers.stop()


os.register_at_fork(after_in_child=_after_fork)
