"""What a program may be asked to do, and what came of it. Verdicts are reached here, outside the jail."""

from __future__ import annotations

import base64
import json
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aha.sandbox.inside.values import OUT_OF_MEMORY, SYNTAX_ERROR, pack, unpack
from aha.sandbox.policy import Limits

Verdict = Literal["AC", "WA", "RE", "TLE", "MLE", "OLE", "CE", "SE"]
"""Accepted, wrong answer, run-time error, over the limit of time, memory or output, no valid program; and sandbox error:
the grader's own failure, which says nothing about the program."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run on some input, or, with `function`, a function of it to call once for each of `calls`.

    A call is its arguments. `function` may be `Class.method`.
    """

    code: str
    stdin: bytes = b""
    function: str = ""
    calls: Sequence[tuple[Any, ...]] = ()
    limits: Limits = Limits()

    def as_job(self, nonce: str) -> dict[str, Any]:
        """As the program inside the jail reads it. Raises TypeError for arguments that are not plain values."""
        calls = None
        if self.function:
            calls = {"name": self.function, "nonce": nonce, "arguments": [pack(list(call)) for call in self.calls]}
        stdin = base64.b64encode(self.stdin).decode()
        return {"code": self.code, "stdin": stdin, "calls": calls, "limits": self.limits.as_dict()}


@dataclass(frozen=True, slots=True)
class Result:
    """What one call returned, or the exception it raised."""

    value: Any = None
    raised: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: AC means that it ran to its end without an error, whatever it wrote."""

    verdict: Verdict
    reason: str = ""
    exit_code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    results: list[Result] = field(default_factory=list)
    """Of the calls that were answered, in order; fewer than asked for where the program ended early."""
    milliseconds: float = 0.0
    peak: int = 0
    """Largest memory seen, in bytes; 0 for programs too short to be looked at."""


KILLED: dict[str, tuple[Verdict, str]] = {
    "wall": ("TLE", "out of time"),
    "output": ("OLE", "too much output"),
    "memory": ("MLE", "out of memory"),
    "processes": ("RE", "too many processes"),
}


def outcome_of(answer: dict[str, Any], nonce: str, limits: Limits) -> Outcome:
    """Read a jail's answer."""
    streams = {name: base64.b64decode(answer[name]) for name in ("stdout", "stderr", "results")}
    status, results = answer["status"], _results(streams.pop("results"), nonce)
    verdict, reason = _verdict(answer, limits)
    if verdict == "AC" and any(r.raised == "MemoryError" for r in results):
        verdict, reason = "MLE", "out of memory"
    return Outcome(verdict, reason, status, **streams, results=results, milliseconds=answer["ms"], peak=answer["peak"])


def _verdict(answer: dict[str, Any], limits: Limits) -> tuple[Verdict, str]:
    status = answer["status"]
    if answer["killed"]:
        return KILLED[answer["killed"]]
    if status < 0 and answer["ms"] >= 1000 * limits.cpu:
        return "TLE", "out of processor time"
    if status == SYNTAX_ERROR:
        return "CE", "not a Python program"
    if status == OUT_OF_MEMORY:
        return "MLE", "out of memory"
    if status:
        return "RE", f"exit status {status}" if status > 0 else f"ended by signal {-status}"
    return "AC", ""


def _results(lines: bytes, nonce: str) -> list[Result]:
    """The results that carry the nonce. Whatever else is written there is no result."""
    found = []
    for line in lines.split(b"\n"):
        if line.startswith(nonce.encode()):
            found.append(_result(line[len(nonce) :]))
    return found


def _result(line: bytes) -> Result:
    try:
        record = json.loads(line, parse_constant=_refuse)
        if set(record) == {"value"}:
            return Result(unpack(record["value"]))
        return Result(raised=str(record["raised"])[:300])
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError, MemoryError):
        return Result(raised="an unreadable result")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def new_nonce() -> str:
    """What marks a job's results."""
    return secrets.token_hex(16)


def same_output(found: bytes, expected: bytes) -> bool:
    """Whether two outputs agree byte for byte, but for blanks at the ends of lines and empty lines at the end."""
    return _lines(found) == _lines(expected)


def _lines(text: bytes) -> list[bytes]:
    lines = [line.rstrip(b" \t\r") for line in text.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def same_value(found: Any, expected: Any, tolerance: float = 0.0) -> bool:
    """Whether a result is the expected value: numbers by value, as Python has it (True is 1), and tuples as lists.

    `tolerance` is for numbers, absolute or relative. Nothing equals not-a-number.
    """
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return found == expected or (tolerance > 0 and _close(found, expected, tolerance))
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(same_value(a, b, tolerance) for a, b in pairs)
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(same_value(found[k], expected[k], tolerance) for k in expected)
    if isinstance(expected, set | frozenset) and isinstance(found, set | frozenset):
        return found == expected
    return type(found) is type(expected) and found == expected


def _close(a: float, b: float, tolerance: float) -> bool:
    try:
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:
        return False
