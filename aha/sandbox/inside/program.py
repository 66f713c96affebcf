"""The untrusted program, in its own process: from a clean module to the exit status."""

from __future__ import annotations

import atexit
import os
import sys
import types

from .values import OUT_OF_MEMORY, SYNTAX_ERROR, pack, unpack

FILE = "solution.py"
RESULTS = 3
"""The descriptor that results go to."""


def prepare() -> None:
    """Make the streams of a new interpreter, once for all programs: pipes, as theirs will be."""
    for number, descriptor in enumerate(os.pipe()):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.argv, sys.orig_argv = [FILE], [FILE]


def run(job: dict) -> None:
    """Run the job's program as an interpreter would, and end the process with its status."""
    code = 1
    try:
        code = _status(job)
    finally:
        os._exit(code)


def _status(job: dict) -> int:
    if "random" in sys.modules:
        sys.modules["random"].seed()  # or all programs would draw the same numbers
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
        _print_error(error, trace)
    return _finish(code)


def _print_error(error: BaseException, trace: types.TracebackType | None) -> None:
    import traceback

    traceback.print_exception(type(error), error, trace)


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def execute(job: dict) -> None:
    """Run the program in a module of its own, and call its function where the job has calls."""
    name = "solution" if job["calls"] else "__main__"
    sys.modules[name] = module = types.ModuleType(name)
    module.__file__ = os.path.abspath(FILE)
    try:
        _write(job["code"])
        code = compile(job["code"], FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        _print_error(error, None)
        raise SystemExit(SYNTAX_ERROR) from None
    exec(code, module.__dict__)
    if job["calls"]:
        _answer_calls(module, job["calls"])


def _write(code: str) -> None:
    """For tracebacks, and for programs that read themselves."""
    try:
        file = os.open(FILE, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(file, code.encode("utf-8", "surrogatepass"))
        os.close(file)
    except OSError:
        return


def _answer_calls(module: types.ModuleType, calls: dict) -> None:
    """Call the function once a test and write a line a result: the nonce, then what it returned."""
    import json

    target = module
    for part in calls["name"].split("."):
        target = getattr(target, part)
        if isinstance(target, type):
            target = target()
    for packed in calls["arguments"]:
        try:
            line = {"value": pack(target(*unpack(packed)))}  # type: ignore[operator]
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
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
    except BaseException as error:
        _print_error(error, error.__traceback__)
    try:
        sys.stdout.flush()
    except BaseException:
        code = code or 120
    try:
        sys.stderr.flush()
    except BaseException:
        return code
    return code
