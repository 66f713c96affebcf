"""The untrusted program, in its own process: from a clean module to the exit status."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import sys
import threading
import traceback
import types
from typing import Any

from .values import OUT_OF_MEMORY, SYNTAX_ERROR, pack, unpack

FILE = "solution.py"
RESULTS = 3
"""The descriptor that results go to."""


def run(job: dict[str, Any]) -> None:
    """Run the job's program as an interpreter would, and end the process with its status."""
    code = 1
    with contextlib.suppress(BaseException):
        code = _status(job)
    os._exit(code)


def _status(job: dict[str, Any]) -> int:
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.argv, sys.orig_argv = [FILE], [FILE]
    try:
        execute(job)
        code = 0
    except SystemExit as leaving:
        code = _exit_code(leaving.code)
    except MemoryError:
        code = OUT_OF_MEMORY
        print("MemoryError", file=sys.stderr)
    except BaseException as error:
        code = 1
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename != FILE:  # the frames of this file explain nothing
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
    return _finish(code)


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def execute(job: dict[str, Any]) -> None:
    """Run the program in a module of its own, and call its function where the job has calls."""
    name = "solution" if job["calls"] else "__main__"
    sys.modules[name] = module = types.ModuleType(name)
    module.__file__ = os.path.abspath(FILE)
    with contextlib.suppress(OSError), open(FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(job["code"])  # for tracebacks, and for programs that read themselves
    try:
        code = compile(job["code"], FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        traceback.print_exception(type(error), error, None)
        raise SystemExit(SYNTAX_ERROR) from None
    exec(code, module.__dict__)
    if job["calls"]:
        _answer_calls(module, job["calls"])


def _answer_calls(module: types.ModuleType, calls: dict[str, Any]) -> None:
    """Call the function once a test and write a line a result: the nonce, then what it returned."""
    target: Any = module
    for part in calls["name"].split("."):
        target = getattr(target, part)
        if isinstance(target, type):
            target = target()
    for packed in calls["arguments"]:
        try:
            line = {"value": pack(target(*unpack(packed)))}
        except MemoryError:
            line = {"raised": "MemoryError"}
        except Exception as error:
            line = {"raised": f"{type(error).__name__}: {error}"[:300]}
        data = calls["nonce"].encode() + json.dumps(line).encode() + b"\n"
        while data:
            data = data[os.write(RESULTS, data) :]


def _finish(code: int) -> int:
    """What an interpreter does at its end: wait for threads, run exit functions, flush."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    try:
        sys.stdout.flush()
    except BaseException:
        code = code or 120
    with contextlib.suppress(BaseException):
        sys.stderr.flush()
    return code
