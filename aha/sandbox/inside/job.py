"""One job: a process made for it, fed, watched and ended. Done in a process of its own, which ends with it."""

from __future__ import annotations

import base64
import contextlib
import os
import resource
import select
import signal
import time
from typing import Any, NoReturn

from . import program, system

POLL = 0.015
"""Seconds between looks at memory and processes."""
PIECE = 65536


class Job:
    """A program in a process of its own. `host` is the descriptor that closes when nobody waits for the answer."""

    def __init__(self, config: dict[str, Any], job: dict[str, Any], host: int) -> None:
        self.config, self.job, self.limits, self.host = config, job, job["limits"], host
        self.input = memoryview(base64.b64decode(job["stdin"]))
        self.killed, self.pid, self.peak = "", 0, 0

    def run(self) -> dict[str, Any]:
        """How it ended and what it wrote. Raises OSError when the process could not be prepared."""
        began = time.monotonic()
        system.control(system.CHILD_SUBREAPER, 1)
        if self.config["nested"]:
            system.separate_children()
        theirs, ours = self._pipes()
        self.pid = os.fork()
        if not self.pid:
            self._become(theirs)
        for descriptor in theirs.values():
            os.close(descriptor)
        try:
            failure = b"".join(iter(lambda: os.read(ours["control"], 4096), b"")).decode()
            os.close(ours.pop("control"))
            if failure:
                raise OSError(failure)
            texts = self._watch(ours, began + self.limits["wall"])
            status = os.waitpid(self.pid, 0)[1]
            self.pid = 0
        finally:
            self._end(ours)
        written = {name: base64.b64encode(bytes(text)).decode() for name, text in texts.items()}
        spent = round((time.monotonic() - began) * 1000, 2)
        return {
            "status": os.waitstatus_to_exitcode(status),
            "killed": self.killed,
            "ms": spent,
            "peak": self.peak,
        } | written

    def _pipes(self) -> tuple[dict[str, int], dict[str, int]]:
        theirs, ours = {}, {}
        theirs["stdin"], ours["stdin"] = os.pipe()
        for name in ("stdout", "stderr", "results", "control"):
            ours[name], theirs[name] = os.pipe()
        return theirs, ours

    def _watch(self, ours: dict[str, int], deadline: float) -> dict[str, bytearray]:
        """Feed the program and keep what it writes until it ends; kill it when it goes over a limit."""
        names = {descriptor: name for name, descriptor in ours.items() if name != "stdin"}
        texts = {name: bytearray() for name in names.values()}
        ours["ended"] = ended = os.pidfd_open(self.pid)
        poll = select.poll()
        for name, descriptor in ours.items():
            os.set_blocking(descriptor, False)
            poll.register(descriptor, select.POLLOUT if name == "stdin" else select.POLLIN)
        poll.register(self.host, 0)
        look = time.monotonic() + POLL
        while True:
            now = time.monotonic()
            if now >= deadline:
                self._kill("wall")
            elif now >= look:
                self._look()
                look = now + POLL
            events = dict(poll.poll(1000 if self.killed else 1 + 1000 * max(0, min(deadline, look) - now)))
            if "stdin" in ours and ours["stdin"] in events and not self._feed(ours["stdin"]):
                poll.unregister(ours["stdin"])
                os.close(ours.pop("stdin"))
            for descriptor in events.keys() & names.keys():
                if not self._take(descriptor, texts[names[descriptor]]):
                    poll.unregister(descriptor)
            if self.host in events:
                self._kill("host")
                poll.unregister(self.host)
            if ended in events:
                break
        for descriptor, name in names.items():  # what was still in the pipes
            while self._take(descriptor, texts[name]):
                pass
        return texts

    def _feed(self, descriptor: int) -> bool:
        """Write some input; False when there is no more, or nobody who reads it."""
        try:
            self.input = self.input[os.write(descriptor, self.input[:PIECE]) :]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return len(self.input) > 0

    def _take(self, descriptor: int, text: bytearray) -> bool:
        """Read some output; False at its end, or for now. Too much of it ends the job."""
        try:
            part = os.read(descriptor, PIECE)
        except BlockingIOError:
            return False
        room = self.limits["output"] - len(text)
        text += part[:room]
        if len(part) > room:
            self._kill("output")
            return False
        return bool(part)

    def _kill(self, why: str) -> None:
        if not self.killed:
            self.killed = why
            os.kill(self.pid, signal.SIGKILL)

    def _look(self) -> None:
        """Kill a job whose processes together hold too much memory, or are too many."""
        family = system.descendants()
        held = sum(map(system.resident, family))
        if held > self.limits["memory"]:
            held = sum(map(system.proportional, family))
        self.peak = max(self.peak, held)
        if held > self.limits["memory"]:
            self._kill("memory")
        elif len(family) > self.limits["processes"] + 1:
            self._kill("processes")

    def _end(self, ours: dict[str, int]) -> None:
        """No process and no descriptor of the job is left."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        while not self.config["nested"] and (family := system.descendants()):
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, 0)
        for descriptor in ours.values():
            os.close(descriptor)

    def _become(self, pipes: dict[str, int]) -> NoReturn:
        """In the new process: confine it, and run the program."""
        try:
            self._confine(pipes)
        except BaseException as error:
            os.write(pipes["control"], f"{type(error).__name__}: {error}".encode())
            os._exit(1)
        os.close(pipes["control"])
        program.run(self.job)
        os._exit(1)

    def _confine(self, pipes: dict[str, int]) -> None:
        """Give up everything the program does not need."""
        os.setsid()
        if self.config["nested"]:
            system.hide(self.limits["disk"])
        system.control(system.DEATH_SIGNAL, signal.SIGKILL)
        os.chdir(self.config["home"])
        os.environ.clear()
        os.environ.update(self.config["environment"])
        far = {name: os.dup2(pipes[name], 100 + at, inheritable=False) for at, name in enumerate(pipes)}
        for number, name in enumerate(("stdin", "stdout", "stderr", "results")):
            os.dup2(far[name], number)
        pipes["control"] = os.dup2(far["control"], 4, inheritable=False)
        os.closerange(5, 256)
        self._limit()
        system.control(system.NO_NEW_PRIVS, 1)
        if self.config["landlock"]:
            system.restrict_files(self.config["landlock"])
        system.drop_capabilities()
        system.install_filter(base64.b64decode(self.config["seccomp"]))

    def _limit(self) -> None:
        for kind, value in (
            (resource.RLIMIT_AS, self.limits["address"]), (resource.RLIMIT_CPU, int(self.limits["cpu"]) + 1),
            (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, self.limits["disk"]), (resource.RLIMIT_NOFILE, 64),
            (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_MSGQUEUE, 0), (resource.RLIMIT_NPROC, self.limits["processes"]),
        ):  # fmt: skip
            resource.setrlimit(kind, (value, value))
