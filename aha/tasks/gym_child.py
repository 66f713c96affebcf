"""The program that `gym_worker` runs: reasoning-gym, shut in, answering requests line by line.

Some verifiers evaluate what the model wrote, so once everything is imported this process gives up files (but for reading
its libraries), sockets, signals and new processes. Nothing of this package is imported but the jail's own system calls.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
from functools import lru_cache
from typing import Any

MEMORY = 4 << 30


def main() -> None:
    """Set up as the first line of the input says, then answer the others."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no reply
    setup = json.loads(sys.stdin.buffer.readline())
    try:
        import reasoning_gym
    except Exception as error:
        send(replies, {"missing": f"{type(error).__name__}: {error}"[:300]})
        return
    shut_in(setup)
    send(replies, {"version": getattr(reasoning_gym, "__version__", "")})
    for line in sys.stdin.buffer:
        send(replies, answer(json.loads(line)))


def shut_in(setup: dict[str, Any]) -> None:
    """Give up everything but memory, time and the reading of libraries. Raises OSError where the kernel refuses."""
    sys.path.insert(0, setup["sandbox"])
    from inside import system  # type: ignore[import-not-found]

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    system.control(system.NO_NEW_PRIVS, 1)
    system.restrict_files(system.file_rules(setup["files"]))
    for program in setup["filters"]:
        system.install_filter(system.filter_of(base64.b64decode(program)))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What came of a request: a question made, an answer scored, or an error."""
    try:
        data, entry = made(request["task"], json.dumps(request["options"], sort_keys=True), request["seed"])
        if "answer" in request:
            return {"score": float(data.score_answer(request["answer"], entry))}
        return {"question": str(entry["question"]), "answer": None if entry["answer"] is None else str(entry["answer"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


@lru_cache(maxsize=256)
def made(task: str, options: str, seed: int) -> tuple[Any, dict[str, Any]]:
    """The data set of one question, and the question, always the same for these."""
    import reasoning_gym

    data = reasoning_gym.create_dataset(task, size=1, seed=seed, **json.loads(options))
    return data, data[0]


def send(replies: Any, message: dict[str, Any]) -> None:
    """Write a line."""
    replies.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
