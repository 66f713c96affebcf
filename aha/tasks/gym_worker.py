"""reasoning-gym in a process of its own, shut in and killed when it takes too long (`gym_child` is the other side).

worker = shared_worker()
made = worker.ask({"task": "leg_counting", "options": {}, "seed": 7})
worker.ask({"task": "leg_counting", "options": {}, "seed": 7, "answer": "12"})  ->  {"score": 1.0}
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import platform
import select
import struct
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

from aha.errors import AhaError, SandboxError
from aha.sandbox import policy
from aha.sandbox.jail import landlock_version

SECONDS = 10.0
"""How long a verifier may take."""
START_SECONDS = 120.0
ALONE = {"x86_64": (56, 57, 58, 59, 322), "aarch64": (220, 221, 281)}
"""System calls that make a process or become another program."""
_CHILD = Path(__file__).with_name("gym_child.py")


class WorkerDied(Exception):
    """The process took too long, or ended without a reply."""


class Worker:
    """One child process; threads take turns. A child that died is replaced at the next request."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.rest = b""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request. Raises WorkerDied, and AhaError where reasoning-gym is missing or cannot be shut in."""
        with self.lock:
            try:
                if self.process is None or self.process.poll() is not None:
                    self._start()
                return self._exchange(request, self.seconds)
            except (OSError, ValueError) as error:
                self.end()
                raise WorkerDied(str(error)) from None

    def _start(self) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self.rest = b""
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
        )  # fmt: skip
        told = self._exchange(setup(), START_SECONDS)
        if "missing" in told:
            self.end()
            raise AhaError(f'reasoning-gym cannot be used ({told["missing"]}): pip install "aha[gym]"')

    def _exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self.process and self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise OSError(f"no reply in {seconds:g} s")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise OSError("the process ended")
            self.rest += part
        line, self.rest = self.rest.split(b"\n", 1)
        reply: dict[str, Any] = json.loads(line)
        return reply

    def end(self) -> None:
        """Kill the child, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe
                pipe.close()
            self.process = None


def setup() -> dict[str, Any]:
    """What the child gives up, as it reads it. Raises SandboxError where this machine cannot shut it in."""
    version, machine = landlock_version(), platform.machine()
    if version < 3 or machine not in ALONE:
        raise SandboxError(
            "reasoning-gym's verifiers may evaluate what the model wrote, and this machine cannot keep them from its files "
            "(it takes Linux 6.2 with Landlock)"
        )
    folders = [sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/urandom", *sys.path]
    readable = sorted({str(Path(folder).resolve()) for folder in folders if folder and Path(folder).exists()})
    filters = [policy.system_call_filter(deny_signals=True), _alone(machine)]
    return {
        "sandbox": str(Path(policy.__file__).parent), "files": policy.landlock_rules(version, readable, ["/dev/null"]),
        "filters": [base64.b64encode(program).decode() for program in filters],
    }  # fmt: skip


def _alone(machine: str) -> bytes:
    """A system call filter under which a process stays alone."""
    refuse = (policy.RETURN, 0, 0, policy.FAIL | 1)
    tests = [step for number in ALONE[machine] for step in ((policy.JUMP_EQUAL, 0, 1, number), refuse)]
    program = [(policy.LOAD, 0, 0, policy.NUMBER), *tests, (policy.RETURN, 0, 0, policy.ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in program)


@cache
def shared_worker() -> Worker:
    """One worker for the whole program. It ends with it."""
    worker = Worker()
    atexit.register(worker.end)
    return worker
