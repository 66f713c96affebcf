"""The program that a worker of `worker` runs: requests on standard input, replies on standard output.

    python -P child.py PARENT_PID CPU_SECONDS

It imports nothing of this package, so that it starts fast and knows nothing. A timer in the kernel ends it when a
request has used CPU_SECONDS of processor time: no handler has to run, so a loop in C that holds the interpreter's
lock is ended too. It ends by itself when the parent is gone, whoever else holds a copy of the pipes.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Reader = Callable[[str, str, bool], list[list[Any]]]
Comparer = Callable[[list[Any], list[Any], bool], bool]
MEMORY_BYTES = 2 << 30
_LENGTH = struct.Struct(">I")


def serve(parent: int, cpu: float) -> None:
    """Answer requests until the parent is gone."""
    replies = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no reply
    read, compare = load()
    answer({"gold": "x^2", "answer": "x \\cdot x", "lenient": False}, read, compare, lambda: None)
    send(replies, {"cpu": time.process_time()})
    for request in requests(parent):
        signal.setitimer(signal.ITIMER_PROF, cpu)
        reply = answer(request, read, compare, lambda: send(replies, {"comparing": True}))
        signal.setitimer(signal.ITIMER_PROF, 0)
        send(replies, reply | {"cpu": time.process_time()})


def answer(request: dict[str, Any], read: Reader, compare: Comparer, begin: Callable[[], None]) -> dict[str, Any]:
    """Whether the two are "equal", or the "error" that the library made of two expressions it had read.

    Text that it cannot read, or that takes more memory than there is, equals nothing. `begin` is called between the two.
    """
    try:
        gold, found = read(request["gold"], request["answer"], request["lenient"])
    except Exception:
        gold, found = [], []
    if not gold or not found:
        return {"equal": False}
    begin()
    try:
        return {"equal": compare(gold, found, request["lenient"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def load() -> tuple[Reader, Comparer]:
    """math-verify with a limit on memory and without its own timers, which work in main threads only."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    exact = NormalizationConfig(basic_latex=True, units=False, malformed_operators=False, nits=False, boxed="last")
    strict = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=exact)]
    loose = [LatexExtractionConfig(boxed_match_priority=0)]

    def read(gold: str, answer: str, lenient: bool) -> list[list[Any]]:
        how = loose if lenient else strict
        return [
            parse(f"\\boxed{{{text}}}", how, fallback_mode="no_fallback", parsing_timeout=None)  # type: ignore[arg-type]
            for text in (gold, answer)
        ]

    def compare(gold: list[Any], answer: list[Any], lenient: bool) -> bool:
        if not close(gold[0], answer[0], 1e-4 if lenient else 1e-9):
            return False
        return bool(
            verify(gold, answer, allow_set_relation_comp=lenient, timeout_seconds=None, raise_on_error=True)  # type: ignore[arg-type]
        )

    return read, compare


def close(a: Any, b: Any, tolerance: float) -> bool:
    """False for two numbers that differ; the library calls all very small numbers equal."""
    if not (getattr(a, "is_number", False) and getattr(b, "is_number", False)):
        return True
    x, y = a.evalf(20), b.evalf(20)
    return not abs(x - y) > tolerance * max(abs(x), abs(y))


def requests(parent: int) -> Iterator[dict[str, Any]]:
    """Requests, until there is nobody to send one."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while True:
        while not poll.poll(5000):
            if os.getppid() != parent:
                return
        head = receive(_LENGTH.size)
        body = receive(_LENGTH.unpack(head)[0]) if head else b""
        if not body:
            return
        yield json.loads(body)


def receive(size: int) -> bytes:
    """Exactly `size` bytes, or none at the end of the input."""
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            return b""
        data += part
    return data


def send(descriptor: int, message: dict[str, Any]) -> None:
    """Write a length and a JSON text."""
    body = json.dumps(message).encode()
    os.write(descriptor, _LENGTH.pack(len(body)) + body)


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    serve(int(sys.argv[1]), float(sys.argv[2]))
