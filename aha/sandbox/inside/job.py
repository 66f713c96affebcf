"""One job, seen from outside its process: fed, watched and ended."""

from __future__ import annotations

import _socket
import os
import select
import time

from . import system
from .frames import send
from .zygote import STREAMS, Zygote

POLL = 0.015
"""Seconds between looks at memory and processes."""
PIECE = 65536


class Job:
    """A program in a copy of the zygote. `host` is the descriptor that closes when nobody waits for the answer."""

    def __init__(self, zygote: Zygote, job: dict, host: int) -> None:
        self.zygote, self.job, self.limits, self.host = zygote, job, job["limits"], host
        self.input = memoryview(job.pop("stdin"))
        self.killed, self.peak = "", 0

    def run(self) -> list:
        """How it ended, and what it wrote to stdout, stderr and results. Raises OSError when it could not be prepared."""
        began = time.monotonic()
        ours = self._start()
        texts = self._watch(ours, began + self.limits["wall"])
        status = self.zygote.status()
        for descriptor, text in texts.items():  # what was still in the pipes
            while self._take(descriptor, text):
                pass
        for descriptor in ours.values():
            os.close(descriptor)
        self.zygote.clear()
        if failure := texts.pop(ours["link"]):
            raise OSError(failure.decode())
        spent = (time.monotonic() - began) * 1000
        ending = f"{os.waitstatus_to_exitcode(status)} {spent:.2f} {self.peak} {self.killed}"
        return [ending, *(bytes(texts[ours[name]]) for name in STREAMS[1:4])]

    def _start(self) -> dict[str, int]:
        """Our ends of the streams of a process that has been given its job."""
        pairs = {name: os.pipe()[:: -1 if name == "stdin" else 1] for name in STREAMS[:4]}
        pairs["link"] = tuple(end.detach() for end in _socket.socketpair())
        self.zygote.copy([theirs for _, theirs in pairs.values()])
        for _, theirs in pairs.values():
            os.close(theirs)
        try:  # noqa: SIM105  (contextlib takes too long to import)
            send(pairs["link"][0], self.job)
        except ConnectionError:
            pass  # one that fails before it has read says why
        return {name: ours for name, (ours, _) in pairs.items()}

    def _watch(self, ours: dict[str, int], deadline: float) -> dict[int, bytearray]:
        """Feed the program and keep what it writes until it ends, by descriptor; kill it when it goes over a limit."""
        texts = {descriptor: bytearray() for name, descriptor in ours.items() if name != "stdin"}
        ended, stdin = self.zygote.socket.fileno(), ours["stdin"]
        poll = select.poll()
        for descriptor in ours.values():
            os.set_blocking(descriptor, False)
            poll.register(descriptor, select.POLLOUT if descriptor == stdin else select.POLLIN)
        poll.register(ended, select.POLLIN)
        poll.register(self.host, 0)
        look = time.monotonic() + POLL
        while True:
            now = time.monotonic()
            if now >= deadline:
                self._kill("wall")
                deadline = float("inf")
            elif now >= look:
                self._look()
                look = now + POLL
            events = dict(poll.poll(1 + 1000 * max(0, min(deadline, look) - now)))
            if stdin in events and not self._feed(stdin):
                poll.unregister(stdin)
                os.close(ours.pop("stdin"))
            for descriptor in events.keys() & texts.keys():
                if not self._take(descriptor, texts[descriptor]):
                    poll.unregister(descriptor)
            if self.host in events:
                self._kill("host")
                poll.unregister(self.host)
            if ended in events:
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
        except OSError:
            return False
        room = self.limits["output"] - len(text)
        text += part[:room]
        if len(part) > room:
            self._kill("output")
            return False
        return bool(part)

    def _kill(self, why: str) -> None:
        self.killed = self.killed or why
        self.zygote.kill_copy()

    def _look(self) -> None:
        """Kill a job whose processes together hold too much memory, or are too many."""
        family = system.descendants(self.zygote.pid)
        held = sum(map(system.resident, family))
        if held > self.limits["memory"]:
            held = sum(map(system.proportional, family))
        self.peak = max(self.peak, held)
        if held > self.limits["memory"]:
            self._kill("memory")
        elif len(family) > self.limits["processes"] + 1:
            self._kill("processes")
        elif self.killed:  # by more than one sweep, since it may have been starting processes
            self.zygote.kill_copy()
