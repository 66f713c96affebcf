"""Code as an answer: run against hidden tests in a jail. All pass = 1 (DeepSeek-R1, section 2.2.2: the compiler's feedback).

The tests are in `Problem.answer["tests"]`. Their expected results never enter the jail, so a program that looks for them
finds nothing, and one that writes verdicts writes them to nobody.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aha.errors import DataError
from aha.rewards.format import read_reply
from aha.rewards.rubric import Grade, GroupGrader
from aha.sandbox.inside.values import pack
from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Outcome, Program, Result, same_output, same_value
from aha.types import Completion, Problem

_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w+.#-]*)[^\n]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
PYTHON = {"", "python", "python3", "py"}
EXTRACTOR = "last fenced block of the answer, code/1"


@dataclass(frozen=True, slots=True)
class StdinTest:
    """What a program reads, and what it must write."""

    stdin: str
    stdout: str


@dataclass(frozen=True, slots=True)
class CallTest:
    """What a function is given, and what it must return, its numbers within `tolerance`."""

    arguments: tuple[Any, ...]
    expected: Any
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class CodeTests:
    """The hidden tests of a problem: of whole programs, or of one function, which may be `Class.method`.

    `prelude` is code that stands before the reply's: imports, or the head of a function that the reply completes.
    """

    stdin: tuple[StdinTest, ...] = ()
    function: str = ""
    calls: tuple[CallTest, ...] = ()
    prelude: str = ""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if bool(self.stdin) == bool(self.calls):
            raise DataError("a code problem needs tests of one kind: programs with stdin, or calls of a function")
        if self.calls and not self.function:
            raise DataError("tests that call a function need its name")
        if self.calls and not all(name.isidentifier() for name in self.function.split(".")):
            raise DataError(f"{self.function[:60]!r} is no name of a function, such as `f` or `Solution.f`")
        for call in self.calls:
            try:
                pack([*call.arguments, call.expected])
            except TypeError as error:
                raise DataError(f"a test cannot be posed: {error}") from None

    @property
    def count(self) -> int:
        """How many tests there are."""
        return len(self.stdin) or len(self.calls)


def code_of(text: str) -> str | None:
    """The program in an answer: its last fenced block of Python, or None."""
    blocks = [code for _, language, code in _FENCE.findall(text) if language.lower() in PYTHON]
    return blocks[-1] if blocks else None


def code_tests(record: Any) -> CodeTests:
    """Tests from JSON: {"stdin": [[input, output], ...]}, or {"function": name, "calls": [[[arguments], result], ...]}.

    A test of a program may also be {"input": ..., "output": ...}. Raises DataError, naming the test, for anything else.
    """
    if not isinstance(record, dict):
        raise DataError("tests are a record with `stdin`, or with `function` and `calls`")
    unknown = set(record) - {"stdin", "function", "calls", "prelude", "tolerance"}
    if unknown:
        raise DataError(f"tests with an unknown {', '.join(sorted(unknown))}")
    tolerance = record.get("tolerance", 0.0)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise DataError(f"`tolerance` is {tolerance!r}; give a number of 0 or more")
    return CodeTests(
        tuple(StdinTest(*_stdin_test(n, test)) for n, test in enumerate(_tests(record, "stdin"), 1)),
        _text(record.get("function", ""), "`function`"),
        tuple(CallTest(*_call_test(n, test), tolerance) for n, test in enumerate(_tests(record, "calls"), 1)),
        _text(record.get("prelude", ""), "`prelude`"),
    )


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _tests(record: dict[str, Any], name: str) -> list[Any]:
    found = record.get(name, [])
    if not isinstance(found, list):
        raise DataError(f"`{name}` is {_shown(found)}; give a list of tests")
    return found


def _stdin_test(number: int, test: Any) -> tuple[str, str]:
    pair = [test["input"], test["output"]] if isinstance(test, dict) and set(test) == {"input", "output"} else test
    if not isinstance(pair, list) or len(pair) != 2:
        raise DataError(f"test {number} of `stdin` is {_shown(test)}; give [input, output]")
    return _text(pair[0], f"the input of test {number}"), _text(pair[1], f"the output of test {number}")


def _call_test(number: int, test: Any) -> tuple[tuple[Any, ...], Any]:
    if not isinstance(test, list) or len(test) != 2 or not isinstance(test[0], list):
        raise DataError(f"test {number} of `calls` is {_shown(test)}; give [[arguments], result]")
    return tuple(test[0]), test[1]


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"{name} is {_shown(value)}; give text")
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise DataError(f"{name} has half of a character in it, {_shown(value)}; give whole ones") from None
    return str(value)


def answered_code(text: str) -> tuple[str | None, str]:
    """The program in a reply's answer, or None and why there is none."""
    reply, reason = read_reply(Completion(text))
    if reply is None:
        return None, reason
    code = code_of(reply.answer)
    return code, "" if code is not None else "no fenced block of Python in the answer"


def grade_code(pool: Pool, tests: CodeTests, code: str) -> tuple[float | None, str]:
    """The share of tests a program passes, and why not all; None where the jail failed. Stops at the first failed run."""
    code = f"{tests.prelude}\n{code}" if tests.prelude else code
    if tests.calls:
        return _grade_calls(pool.run(_calls(tests, code)), tests)
    for passed, test in enumerate(tests.stdin):
        outcome = pool.run(Program(code, test.stdin.encode(), limits=tests.limits))
        if outcome.verdict == "SE":
            return None, f"SE: {outcome.reason}"
        if outcome.verdict != "AC" or not same_output(outcome.stdout, test.stdout.encode()):
            return passed / tests.count, _why(outcome, passed, tests.count)
    return 1.0, ""


def _calls(tests: CodeTests, code: str) -> Program:
    return Program(code, b"", tests.function, [test.arguments for test in tests.calls], tests.limits)


def _grade_calls(outcome: Outcome, tests: CodeTests) -> tuple[float | None, str]:
    if outcome.verdict == "SE":
        return None, f"SE: {outcome.reason}"
    if len(outcome.results) > tests.count:
        return 0.0, "WA: more results than calls"
    held = [_holds(result, test) for result, test in zip(outcome.results, tests.calls, strict=False)]
    passed = sum(held)
    if passed == tests.count and outcome.verdict == "AC":
        return 1.0, ""
    return min(passed, tests.count - 1) / tests.count, _why(outcome, passed, tests.count)


def _holds(result: Result, test: CallTest) -> bool:
    try:
        return not result.raised and same_value(result.packed, test.expected, test.tolerance)
    except Exception:  # the expected value was found sound when the test was made, so the hostile result is at fault
        return False


def _why(outcome: Outcome, passed: int, count: int) -> str:
    if outcome.verdict != "AC":
        return f"{outcome.verdict}: {outcome.reason}, {passed} of {count} tests passed"
    return f"WA: {passed} of {count} tests passed"


def passes_tests(pool: Pool, partial: bool = False) -> GroupGrader:
    """A reward: 1 where all tests of `problem.answer["tests"]` pass. With `partial` the share of tests that do, which
    warms a weak model up but also pays for guessing the easy ones.

    Raises DataError, naming the problem, where it has no tests.
    """

    def passed(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        tests = problem.answer.get("tests") if isinstance(problem.answer, dict) else None
        if not isinstance(tests, CodeTests):
            raise DataError(
                f"problem {problem.id or problem.prompt[:60]!r} has no tests; give CodeTests as answer['tests']"
            )
        return list(pool.threads.map(lambda completion: _grade(pool, tests, completion, partial), group))

    return passed


def _grade(pool: Pool, tests: CodeTests, completion: Completion, partial: bool) -> Grade:
    if completion.finish == "length":
        return 0.0, "cut off"
    code, reason = answered_code(completion.text)
    if code is None:
        return 0.0, reason
    value, reason = grade_code(pool, tests, code)
    return (value if partial or value is None else float(value == 1.0)), reason
