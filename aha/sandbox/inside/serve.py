"""The loop: a frame in, a job done, a frame out. A frame is four bytes of length, then JSON."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import site
import struct
import sys
from typing import Any

from . import system
from .job import Job


def main() -> None:
    """Read the configuration, then do jobs until the other side closes."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    config = receive(requests)
    if config is None:
        return
    try:
        prepare(config)
    except OSError as error:
        return send(answers, {"error": str(error)})
    send(answers, {"ready": sys.version.split()[0]})
    while handled(config, requests, answers):
        pass


def handled(config: dict[str, Any], requests: int, answers: int) -> bool:
    """Wait for a job and have a child of this process do it; False when there are no more.

    This process, which all programs are copies of, never holds a job or its answer: what one program wrote could be found
    by the next in its own memory.
    """
    select.select([requests], [], [])
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    job = receive(requests)
    if job is None:
        os._exit(1)
    try:
        answer = Job(config, job, requests).run()
    except OSError as error:
        answer = {"error": str(error)}
    send(answers, answer)
    os._exit(0)


def prepare(config: dict[str, Any]) -> None:
    """Turn into the user that jobs run as, and import what they will want. Raises OSError."""
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
    if config["nested"]:
        system.control(system.SET_DUMPABLE, 1)  # else its own maps could not be written
        system.become_root_of_nothing()
    sys.path[:] = [path for path in sys.path if path != config["own_path"]] + config["path"]
    site.setquit()  # `exit` and `help`, which an interpreter started without site lacks
    site.sethelper()
    for name in config["preload"]:
        with contextlib.suppress(ImportError):
            __import__(name)
    gc.collect()
    gc.freeze()  # a collection in a copy of this process would touch, and so copy, every object


def receive(requests: int) -> Any:
    """The next frame, or None when the other side has gone."""
    head = _exactly(requests, 4)
    body = head and _exactly(requests, struct.unpack(">I", head)[0])
    return json.loads(body) if body else None


def _exactly(requests: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(requests, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def send(answers: int, record: dict[str, Any]) -> None:
    """Write one frame."""
    body = json.dumps(record).encode()
    data = struct.pack(">I", len(body)) + body
    while data:
        data = data[os.write(answers, data) :]
