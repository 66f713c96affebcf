"""`aha serve` as a process: what it says, how it ends, and what it refuses to begin."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx2
import pytest

COMMAND = [sys.executable, "-c", "import typer; from aha.tools.serve import serve; typer.run(serve)"]


def start(*words: str) -> tuple[subprocess.Popen, str]:
    """A server that is ready, and its address."""
    process = subprocess.Popen(
        [*COMMAND, "tiny", "--port", "0", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    url = line.split(" at ")[1].split(";")[0].removesuffix("/v1")
    until = time.monotonic() + 300  # a first start compiles the sampler: minutes on busy cores
    while time.monotonic() < until:
        try:
            answer = httpx2.get(f"{url}/ready", trust_env=False)
            assert answer.status_code in (200, 503), f"{line.strip()}: {answer.status_code} at {url}/ready"
            if answer.status_code == 200:
                return process, url
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server does not get ready")


def refused(*words: str) -> str:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    return done.stderr


LONG = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "hello"}],
    "temperature": 10,
    "stream": True,
    "max_tokens": 1900,
}


def close(process):
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


@pytest.mark.slow
def test_a_signal_lets_what_runs_finish_and_a_second_one_does_not_wait():
    process, url = start()
    with httpx2.stream("POST", f"{url}/v1/chat/completions", json=LONG, timeout=60, trust_env=False) as reply:
        lines = reply.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        assert [line for line in lines if line][-1] == "data: [DONE]"
    assert process.wait(10) == 0
    close(process)
    process, url = start()
    with httpx2.stream(
        "POST", f"{url}/v1/chat/completions", json=LONG | {"n": 60}, timeout=60, trust_env=False
    ) as reply:
        lines = reply.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        began = time.perf_counter()
        late, done = [line for line in lines if line][-2:]
        assert "told to stop" in json.loads(late.removeprefix("data: "))["error"]["message"] and "DONE" in done
        assert process.wait(10) == 0 and time.perf_counter() - began < 4.1
    assert process.stderr.read() == ""
    close(process)


@pytest.mark.slow
def test_what_cannot_be_served_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot listen on" in refused("tiny", "--port", str(taken.getsockname()[1]))
    assert "no model folder" in refused("nowhere", "--port", "0")
    assert "lets other machines in" in refused("tiny", "--host", "0.0.0.0", "--port", "0")
    os.environ.pop("NO_SUCH_KEY", None)
    assert "no such model is served; there is tiny" in refused("tiny", "--thoughts", "summary", "--summary-by", "no")
    assert "takes them out" in refused("tiny", "--thoughts", "hidden", "--reasoning", "tags")
    assert "not set" in refused("tiny", "--key-variable", "NO_SUCH_KEY")
