"""Test programs made of asserts, re-stated as calls: what a function is given, and what it must return.

An assert cannot be run beside untrusted code, which would read the expected value from it. Asserts on plain values are
read without being run. Where a test does more (loops, helpers, truth of an expression), it is run once around the
reference solution, in the jail, and the calls it makes are written down.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aha.rewards.code import CallTest
from aha.sandbox.inside import values
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Program

REWORKED = {"abs", "all", "any", "int", "len", "list", "max", "min", "round", "set", "sorted", "str", "sum", "tuple"}
"""Functions whose call in an assert is not the call under test."""
TOLERANCE = 1e-6
"""How near numbers must be in tests that were written down from a reference solution's floats."""


class NotPlain(Exception):
    """An assert that says more than `f(values) == value`."""


def calls_of(source: str, function: str = "") -> tuple[str, list[CallTest]]:
    """The function under test and its calls, from asserts, or from a `check(candidate)` that holds them. Raises NotPlain."""
    body = ast.parse(source).body
    checks = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    found = list(_asserts(checks[0].body if checks else body, bool(checks)))
    names = {function if checks and name == "candidate" else name for name, _ in found}
    if len(names) != 1:
        raise NotPlain("no assert, or asserts on several functions")
    return names.pop(), [call for _, call in found]


def _asserts(body: list[ast.stmt], in_check: bool) -> Iterator[tuple[str, CallTest]]:
    for node in body:
        if isinstance(node, ast.Assert):
            if not isinstance(node.test, ast.Constant):  # HumanEval has many of `assert True, "This prints if..."`
                yield _call(node.test)
        elif in_check and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant)):
            raise NotPlain("the check does more than assert")
        elif not in_check and not isinstance(node, ast.Assign | ast.Expr):
            raise NotPlain("the test does more than assert")


def _call(test: ast.expr) -> tuple[str, CallTest]:
    """`f(args) == value`, `f(args) is True`, `f(args)`, `not f(args)` or `abs(f(args) - value) < tolerance`."""
    tolerance = 0.0
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.Lt):
            left, right, tolerance = _near(left, right)
        elif not isinstance(test.ops[0], ast.Eq | ast.Is):
            raise NotPlain("another comparison than ==")
        expected = literal(right)
    else:
        raise NotPlain("the assert holds no comparison")
    if not isinstance(left, ast.Call) or not isinstance(left.func, ast.Name) or left.keywords:
        raise NotPlain("the left side is no plain call")
    if left.func.id in REWORKED:
        raise NotPlain("the result is reworked before it is compared")
    return left.func.id, CallTest(tuple(literal(argument) for argument in left.args), expected, tolerance)


def _near(left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr, float]:
    match left:
        case ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(left=call, op=ast.Sub(), right=wanted)]):
            return call, wanted, float(literal(right))
    raise NotPlain("another comparison than ==")


def literal(node: ast.expr) -> Any:
    """The value of a literal, or of + - * / between numbers. Nothing is run. Raises NotPlain."""
    if isinstance(node, ast.BinOp):
        left, right = literal(node.left), literal(node.right)
        if type(left) in (int, float) and type(right) in (int, float):
            match node.op:
                case ast.Add():
                    return left + right
                case ast.Sub():
                    return left - right
                case ast.Mult():
                    return left * right
                case ast.Div() if right:
                    return left / right
        if isinstance(node.op, ast.Add) and type(left) is type(right) and type(left) in (str, list, tuple):
            return left + right
        raise NotPlain("a value is computed")
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: frozenset}[type(node)]
        return kind(literal(item) for item in node.elts)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise NotPlain("a value is no literal") from None


RECORD = f"""
import json as _json
_values = dict()
exec({Path(values.__file__).read_text()!r}, _values)
_calls = []
def _recorder(function):
    def recorded(*arguments):
        before = _values["pack"](list(arguments))
        result = function(*arguments)
        _calls.append([before, _values["pack"](result)])
        return result
    return recorded
"""


def recorded_calls(pool: Pool, reference: str, test: str, function: str) -> list[CallTest]:
    """The calls that a test program makes of a reference solution, with what that returns. Raises NotPlain."""
    check = f"check({function})\n" if "def check(" in test and f"check({function})" not in test else ""
    code = f"{reference}\n{RECORD}\n{function} = _recorder({function})\n{test}\n{check}\nprint('\\n' + _json.dumps(_calls))\n"
    outcome = pool.run(Program(code))
    if outcome.verdict != "AC":
        raise NotPlain(f"the reference solution fails its own test: {outcome.verdict} {outcome.reason}")
    try:
        calls = [values.unpack(call) for call in json.loads(outcome.stdout.rpartition(b"\n[")[2].join((b"[", b"")))]
    except ValueError:
        raise NotPlain("the test printed something else") from None
    if not calls:
        raise NotPlain("the test makes no call")
    return [CallTest(tuple(given), expected, TOLERANCE) for given, expected in calls]
