"""What a program may be asked to do, and what came of it. Verdicts are reached here, outside the jail."""

from __future__ import annotations

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
        return {"code": self.code, "stdin": bytes(self.stdin), "calls": calls, "limits": self.limits.as_dict()}


@dataclass(frozen=True, slots=True)
class Result:
    """What one call returned, as JSON (see `pack`), or the exception it raised."""

    packed: Any = None
    raised: str = ""

    @property
    def value(self) -> Any:
        """The returned value. Of a hostile program it may take long to build: its keys may all collide."""
        return unpack(self.packed)


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
    status, results = answer["status"], _results(answer["results"], nonce)
    verdict, reason = _verdict(answer, limits)
    if verdict == "AC" and any(r.raised == "MemoryError" for r in results):
        verdict, reason = "MLE", "out of memory"
    return Outcome(verdict, reason, status, answer["stdout"], answer["stderr"], results, answer["ms"], answer["peak"])


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
            return Result(record["value"])
        return Result(raised=str(record["raised"])[:300])
    except Exception:  # a hostile line can be wrong in any way, and only its program suffers
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
    """Whether a packed result is the expected value: numbers by value, as Python has it (True is 1), and tuples as lists.

    `tolerance` is for numbers, absolute or relative. Nothing equals not-a-number. The result is never hashed, since its
    author may have chosen numbers that collide.
    """
    if isinstance(expected, list | tuple):
        items = found["tuple"] if _is(found, "tuple") else found
        if not isinstance(items, list) or len(items) != len(expected):
            return False
        return all(same_value(a, b, tolerance) for a, b in zip(items, expected, strict=True))
    if isinstance(expected, dict):
        pairs = found["dict"] if _is(found, "dict") else None
        if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            return False
        values = {_text(key): value for key, value in pairs}
        keys = {_text(pack(key)): value for key, value in expected.items()}
        return values.keys() == keys.keys() and all(same_value(values[k], keys[k], tolerance) for k in keys)
    if isinstance(expected, set | frozenset):
        items = found["set"] if _is(found, "set") else None
        return isinstance(items, list) and set(map(_text, items)) == {_text(pack(item)) for item in expected}
    return _same_single(found, expected, tolerance)


def _is(packed: Any, kind: str) -> bool:
    return isinstance(packed, dict) and packed.keys() == {kind}


def _same_single(found: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(found, list) or any(_is(found, kind) for kind in ("tuple", "dict", "set")):
        return False
    try:
        value = unpack(found)
    except Exception:  # a hostile result can be wrong in any way
        return False
    if isinstance(expected, int | float) and isinstance(value, int | float):
        return value == expected or (tolerance > 0 and _close(value, expected, tolerance))
    return type(value) is type(expected) and value == expected


def _text(packed: Any) -> str:
    """A packed value as text that is equal for equal values."""
    if isinstance(packed, list):
        return f"[{','.join(map(_text, packed))}]"
    if isinstance(packed, dict):
        [(kind, inner)] = packed.items()
        if kind in ("set", "dict") and isinstance(inner, list):
            return f"{kind}{sorted(map(_text, inner))}"
        return _text(inner) if kind == "tuple" else f"{kind}:{inner}"
    if isinstance(packed, bool) or (isinstance(packed, float) and packed.is_integer()):
        return str(int(packed))
    return json.dumps(packed)


def _close(a: float, b: float, tolerance: float) -> bool:
    try:
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:
        return False
