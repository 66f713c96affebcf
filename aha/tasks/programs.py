"""Programming problems from files: HumanEval, MBPP, APPS and TACO, LiveCodeBench. Rows become problems with hidden tests.

The kind of a row is told from its columns. Nothing is repaired: a row that cannot be used is a DataError that names the
file and the row.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aha.chat import render
from aha.errors import DataError
from aha.rewards.code import CallTest, CodeTests, StdinTest
from aha.sandbox.pool import Pool
from aha.tasks.asserts import NotPlain, calls_of, recorded_calls
from aha.types import Problem

Row = dict[str, Any]
FENCED = "Answer with the whole program in one fenced block of Python."
LARGEST = 256 << 20
"""Bytes of one row's tests, unpacked."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What a file holds: problems, and for each row that cannot become one a line that says why."""

    problems: list[Problem]
    left_out: list[str]


def programs(path: Path, pool: Pool | None = None) -> Programs:
    """The problems of a JSON Lines file (perhaps gzipped) or a Parquet file. Raises DataError for damaged rows.

    Tests that are more than asserts on plain values need a reference solution, which is run in `pool`; without a pool,
    or where values are objects that only the tests can make, such rows are left out.
    """
    problems, left_out = [], []
    for number, row in _rows(path):
        where = f"{path}, row {number}"
        try:
            problems.append(_read(row, where, pool))
        except NotPlain as error:
            left_out.append(f"{where}: {error}")
    if not problems:
        raise DataError(f"{path} has no usable row{': ' + left_out[0] if left_out else ''}")
    return Programs(problems, left_out)


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    if path.suffix == ".parquet":
        from aha.tables import read_parquet

        yield from enumerate(read_parquet(path), 1)
        return
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, row {number}: not JSON ({error}); correct or remove the row") from None
            if not isinstance(row, dict):
                raise DataError(f"{path}, row {number}: not a record")
            yield number, row


def _read(row: Row, where: str, pool: Pool | None) -> Problem:
    for columns, read in KINDS:
        if all(column in row for column in columns):
            try:
                return read(row, pool)
            except (KeyError, TypeError, ValueError, AttributeError, SyntaxError, RecursionError) as error:
                raise DataError(f"{where}: its tests cannot be read ({type(error).__name__}: {error})") from None
            except DataError as error:
                raise DataError(f"{where}: {error}") from None
    kinds = "; ".join(", ".join(columns) for columns, _ in KINDS)
    raise DataError(f"{where}: columns of no known kind; a row has one of these sets: {kinds}")


def _problem(question: str, tests: CodeTests, name: str, solution: str | None) -> Problem:
    reply = f"<think>\n</think><answer>```python\n{solution}\n```</answer>" if solution else None
    return Problem(render(f"{question}\n{FENCED}"), {"tests": tests}, reply, name)


def _from_asserts(test: str, function: str, reference: str, pool: Pool | None) -> tuple[str, list[CallTest]]:
    try:
        return calls_of(test, function)
    except NotPlain:
        if pool is None or not function:
            raise
        return function, recorded_calls(pool, reference, test, function)


def humaneval(row: Row, pool: Pool | None = None) -> Problem:
    """OpenAI's HumanEval: a function to complete, and a `check` of asserts."""
    function, prompt = row["entry_point"], row["prompt"]
    reference = prompt + row["canonical_solution"]
    _, calls = _from_asserts(row["test"], function, reference, pool)
    prelude = prompt[: prompt.index(f"def {function}")]
    tests = CodeTests(function=function, calls=tuple(calls), prelude=prelude)
    return _problem(f"Complete this function.\n\n{prompt.strip()}\n", tests, row["task_id"], reference)


def mbpp(row: Row, pool: Pool | None = None) -> Problem:
    """Google's MBPP: a sentence and some asserts, the first of which is shown, since it alone names the function."""
    code, listed = row["code"].replace("\r\n", "\n"), row["test_list"] + row.get("challenge_test_list", [])
    setup = row.get("test_setup_code") or ""
    test = f"{setup}\n" + "\n".join(listed)
    named = [node.split("(")[0] for node in (line.removeprefix("assert ").lstrip("( ") for line in row["test_list"])]
    defined = [name for name in named if f"def {name}(" in code]
    function, calls = _from_asserts(test, defined[0] if defined else "", code, pool)
    tests = CodeTests(function=function, calls=tuple(calls), prelude=setup)
    question = f"{row.get('text') or row['prompt']}\nIt must pass this test: {row['test_list'][0]}\n"
    return _problem(question, tests, f"MBPP/{row['task_id']}", code)


def apps(row: Row, pool: Pool | None = None) -> Problem:
    """APPS and TACO: `input_output` holds inputs and outputs, and `fn_name` where a function is called."""
    packed = row["input_output"]
    given = json.loads(packed) if isinstance(packed, str) else packed
    pairs = list(zip(given["inputs"], given["outputs"], strict=True))
    function = given.get("fn_name") or ""
    if function:
        starter = row.get("starter_code") or ""
        function = f"Solution.{function}" if "class Solution" in starter else function
        # outputs of calls are written as they are, or as a list of one
        calls = [CallTest(tuple(i), o[0] if isinstance(o, list) and len(o) == 1 else o) for i, o in pairs]
        tests = CodeTests(function=function, calls=tuple(calls))
    else:
        tests = CodeTests(stdin=tuple(StdinTest(_text(i), _text(o)) for i, o in pairs))
    return _problem(row["question"], tests, str(row.get("problem_id") or row.get("id") or ""), None)


def _text(lines: Any) -> str:
    return "\n".join(map(str, lines)) if isinstance(lines, list) else str(lines)


def live_code(row: Row, pool: Pool | None = None) -> Problem:
    """LiveCodeBench: public and private tests, the latter perhaps packed, of programs or of a method of `Solution`."""
    tests = json.loads(row["public_test_cases"]) + _private(row.get("private_test_cases") or "[]")
    if not tests:
        raise DataError("no tests; correct or remove the row")
    if tests[0]["testtype"] == "stdin":
        hidden = CodeTests(stdin=tuple(StdinTest(test["input"], test["output"]) for test in tests))
    else:
        name = json.loads(row["metadata"])["func_name"]
        prefix = "Solution." if "class Solution" in (row.get("starter_code") or "class Solution") else ""
        calls = (
            CallTest(tuple(map(json.loads, test["input"].split("\n"))), json.loads(test["output"])) for test in tests
        )
        hidden = CodeTests(function=prefix + name, calls=tuple(calls))
    question = row["question_content"] + (f"\n\n{row['starter_code']}" if row.get("starter_code") else "")
    return _problem(question, hidden, str(row.get("question_id") or ""), None)


class _TextOnly(pickle.Unpickler):
    """A pickle of text. Anything it would import is refused, so nothing in it can run."""

    def find_class(self, module: str, name: str) -> Any:
        raise DataError(f"private tests that would import {module}.{name}; this file is not to be trusted")


def _private(packed: str) -> list[Any]:
    if packed.lstrip().startswith("["):
        return json.loads(packed)
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(packed), LARGEST)
        if unpacker.unconsumed_tail:
            raise DataError(f"private tests of more than {LARGEST >> 20} MB")
        return json.loads(_TextOnly(io.BytesIO(data)).load())
    except (zlib.error, pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"private tests that cannot be unpacked ({error})") from None


KINDS: tuple[tuple[tuple[str, ...], Callable[[Row, Pool | None], Problem]], ...] = (
    (("entry_point", "test", "prompt"), humaneval),
    (("test_list", "code"), mbpp),
    (("input_output", "question"), apps),
    (("public_test_cases", "question_content"), live_code),
)
"""Columns that tell a kind of row, and its reader."""
