"""Programs to try a code grader on: honest solutions from the shared data, our own honest programs, and the cheats.

    humaneval(), mbpp()      reference solutions with their asserts, as published         "assert" form
    call_rows()              those whose asserts are `f(literals) == literal`, re-stated  "call" form
    cruxeval()               functions with one call each                                 "call" form
    train_oj(), live_code()  SandboxFusion samples; most come without a solution          "assert", "stdin" or "call"
    honest_programs()        tests/honest: one way of reading, printing or computing each
    cheats(form)             tests/cheats: programs that must never be paid

A plain call test travels as JSON: a row whose arguments hold tuples, sets or odd keys stays in assert form, and
`convert` says why; with `plain=False` they pass. Readers of shared data return [] where the data are absent. Nothing
here runs a solution.
"""

from __future__ import annotations

import ast
import base64
import gzip
import json
import math
import operator as op
import pickletools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

TESTS = Path(__file__).parent
DATA = TESTS.parent.parent / "shared" / "data"

Form = Literal["call", "stdin", "assert"]


@dataclass(frozen=True, slots=True)
class CallTest:
    """Call the function with `args`; the result must equal `expected`, a tuple counting as a list.

    Numbers may differ by `tolerance`, absolutely; None asks for the same value. 1 and 1.0 are the same, 1 and True are not.
    """

    args: list[Any]
    expected: Any
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class StdinTest:
    """Run the program on `input`; it must print `output`, up to spaces at the ends of lines."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A program and the tests it faces. `solution` is "" where the data give none.

    An assert row's tests are source text; run after the solution, they must raise nothing.
    """

    id: str
    form: Form
    solution: str
    tests: tuple[Any, ...]
    function: str = ""
    needs: tuple[str, ...] = ()
    """Modules to import, or "processes" for a program that starts some."""
    optional: bool = False
    """A jail may refuse this honest program, if it says so."""


class Unconvertible(Exception):
    """An assert that cannot be re-stated as a call; the message is the reason, one of a few."""


_SUBCLASS = "its reference returns a Counter or defaultdict, not a plain dict"
UNFIT = {
    "MBPP/40": _SUBCLASS,
    "MBPP/88": _SUBCLASS,
    "MBPP/123": "its reference needs over a minute for one test",
    "MBPP/414": "its reference returns 0 and 1 where the test has False and True",
    "MBPP/653": _SUBCLASS,
    "MBPP/902": _SUBCLASS,
}
"""Rows whose reference solution does not pass as a call, though it passes as an assert."""


def humaneval(data: Path = DATA) -> list[CodeRow]:
    """OpenAI's 164 problems: prompt and canonical solution, one `check` function each."""
    path = data / "humaneval" / "HumanEval.jsonl.gz"
    rows = read_lines(gzip.decompress(path.read_bytes()).decode()) if path.exists() else ()
    return [
        CodeRow(
            row["task_id"], "assert", row["prompt"] + row["canonical_solution"],
            (f"{row['test']}\ncheck({row['entry_point']})\n",), row["entry_point"],
        )
        for row in rows
    ]  # fmt: skip


def mbpp(data: Path = DATA, splits: tuple[str, ...] = ("train", "test")) -> list[CodeRow]:
    """Google's basic problems: reference code, three asserts or so each."""
    paths = [data / "mbpp" / f"{split}.jsonl" for split in splits]
    rows = [row for path in paths if path.exists() for row in read_lines(path.read_text())]
    return [
        CodeRow(f"MBPP/{row['task_id']}", "assert", row["code"].replace("\r\n", "\n"), tuple(row["test_list"]))
        for row in rows
    ]


def cruxeval(data: Path = DATA) -> list[CodeRow]:
    """SandboxFusion's 20 CRUXEval functions: one call each, arguments and result written as Python literals."""
    rows = []
    for row in samples("cruxeval", data):
        test = f"assert f({row['input']}) == {row['output']}"
        rows.append(CodeRow(f"CRUXEval/{row['id']}", "assert", row["code"], (test,), "f"))
    return rows


def train_oj(data: Path = DATA) -> list[CodeRow]:
    """SandboxFusion's 20 training rows: asserts, and programs on stdin. None has a solution."""
    rows = []
    for row in samples("rl_train_oj_0328_1707", data):
        tests = tuple(stdin_checks(row["test"]))
        form: Form = "stdin" if tests else "assert"
        rows.append(CodeRow(f"train_oj/{row['id']}", form, "", tests or (row["test"],)))
    return rows


def live_code(data: Path = DATA) -> list[CodeRow]:
    """SandboxFusion's 3 LiveCodeBench rows. Their "canonical solution" is `sys.exit(0)`: a cheat, left out."""
    rows = []
    for row in samples("live_code_bench_v1", data):
        tests = json.loads(unpacked(row["test"]))
        name, pairs = json.loads(row["labels"])["task_id"], zip(tests["inputs"], tests["outputs"], strict=True)
        if function := tests["fn_name"]:
            calls = [CallTest([json.loads(line) for line in i.splitlines()], json.loads(o)) for i, o in pairs]
            rows.append(CodeRow(f"live_code/{name}", "call", "", tuple(calls), function))
        else:
            rows.append(CodeRow(f"live_code/{name}", "stdin", "", tuple(StdinTest(i, o) for i, o in pairs)))
    return rows


def call_rows(data: Path = DATA, plain: bool = True) -> list[CodeRow]:
    """Every row with a solution whose asserts can all be re-stated as calls."""
    rows = []
    for row in humaneval(data) + mbpp(data) + cruxeval(data):
        try:
            rows.append(convert(row, plain))
        except Unconvertible:
            continue
    return rows


def honest_programs(folder: Path = TESTS / "honest") -> list[CodeRow]:
    """Our own honest programs; the JSON beside each says its form, its tests, and what it needs."""
    return [honest_program(path) for path in sorted(folder.glob("*.py"))]


def cheats(form: Literal["call", "stdin"], folder: Path = TESTS / "cheats") -> list[CodeRow]:
    """The cheats of one form, each posed against that form's one problem."""
    tests, function = cheat_problem(form, folder)
    return [
        CodeRow(f"{form}/{path.stem}", form, path.read_text(), tests, function)
        for path in sorted((folder / form).glob("*.py"))
    ]


def notes(cheat: CodeRow) -> dict[str, str]:
    """What a cheat's docstring says: its trick, Why it is here, where it was Seen, the Limit it runs into if any."""
    trick, *lines = (ast.get_docstring(ast.parse(cheat.solution)) or "").splitlines()
    found, key = {"Trick": trick}, ""
    for line in lines:
        head, colon, rest = line.partition(": ")
        key, text = (head, rest) if colon and head in ("Why", "Seen", "Limit") else (key, line)
        if text:
            found[key] = f"{found[key]} {text}" if key in found else text
    return found


def cheat_table(form: Literal["call", "stdin"]) -> list[str]:
    """The lines of the README's table of one form."""
    lines = ["| file | trick | seen | limit |", "|---|---|---|---|"]
    for row in cheats(form):
        about = {key: text.replace("|", "\\|") for key, text in notes(row).items()}
        lines.append(f"| {row.id}.py | {about['Trick']} | {about['Seen']} | {about.get('Limit', '')} |")
    return lines


def cheat_problem(form: Literal["call", "stdin"], folder: Path = TESTS / "cheats") -> tuple[tuple[Any, ...], str]:
    """The hidden tests of the problem that the cheats of one form pretend to solve, and its function's name."""
    problem = json.loads((folder / "problems.json").read_text())[form]
    if form == "stdin":
        return tuple(StdinTest(**test) for test in problem["tests"]), ""
    tests = tuple(CallTest(**test, tolerance=problem["tolerance"]) for test in problem["tests"])
    return tests, problem["function"]


def honest_program(path: Path) -> CodeRow:
    """One program of tests/honest with its tests."""
    about = json.loads(path.with_suffix(".json").read_text())
    form: Form = about.get("form", "stdin")
    if form == "stdin":
        tests: tuple[Any, ...] = tuple(StdinTest(joined(t["input"]), joined(t["output"])) for t in about["tests"])
    else:
        tests = tuple(CallTest(**test) for test in about["tests"])
    needs, optional = tuple(about.get("needs", ())), about.get("optional", False)
    return CodeRow(f"honest/{path.stem}", form, path.read_text(), tests, about.get("function", ""), needs, optional)


def joined(text: str | list[Any]) -> str:
    """Text as it stands, or written as pieces, each with how often it repeats: [["1 ", 99999], ["1", 1]]."""
    return text if isinstance(text, str) else "".join(piece * times for piece, times in text)


# --- asserts to calls


def convert(row: CodeRow, plain: bool = True) -> CodeRow:
    """Re-state an assert row as a call row, all of it or none; `plain` takes only what JSON carries. Raises Unconvertible."""
    if row.id in UNFIT:
        raise Unconvertible(UNFIT[row.id])
    calls = [call for test in row.tests for call in as_calls(test, row.function)]
    if not calls:
        raise Unconvertible("no assert to convert")
    if len({name for name, _ in calls}) > 1:
        raise Unconvertible("asserts call several functions")
    for _, test in calls if plain else ():
        refuse_odd(test.args, "argument")
        refuse_odd(test.expected, "expected value")
    return CodeRow(row.id, "call", row.solution, tuple(test for _, test in calls), calls[0][0])


def as_calls(source: str, function: str) -> Iterator[tuple[str, CallTest]]:
    """The calls a test program makes: bare asserts, or a HumanEval `check(candidate)` with the asserts inside."""
    body = ast.parse(source).body
    checks = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if not checks and any(isinstance(node, ast.FunctionDef) for node in body):
        raise Unconvertible("helper code in the test")
    for node in checks[0].body if checks else body:
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant):
            continue  # HumanEval has 48 of `assert True, "good for debugging!"`
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant):
            continue  # a docstring, a stray name
        if not isinstance(node, ast.Assert):
            raise Unconvertible("helper code in the test")
        name, test = as_call(node.test)
        yield function if checks and name == "candidate" else name, test


def as_call(test: ast.expr) -> tuple[str, CallTest]:
    """`f(args) == value`, `f(args) is True` or `abs(f(args) - value) < tolerance` as the name f and its test."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        raise Unconvertible("asserts truth, not a value")
    left, tolerance, right = test.left, None, test.comparators[0]
    if isinstance(test.ops[0], ast.Lt):
        left, right, tolerance = near(left, right)
    elif not isinstance(test.ops[0], ast.Eq | ast.Is):
        raise Unconvertible("another comparison than ==")
    if not isinstance(left, ast.Call) or not isinstance(left.func, ast.Name) or left.keywords:
        raise Unconvertible("the left side is not a plain call")
    if left.func.id in ("abs", "len", "list", "math", "set", "sorted", "tuple"):
        raise Unconvertible("the result is reworked before it is compared")
    args = [value(arg, "argument") for arg in left.args]
    return left.func.id, CallTest(args, value(right, "expected value"), tolerance)


def near(left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr, float]:
    """Take `abs(call - wanted) < tolerance` apart into call, wanted, tolerance."""
    if isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "abs" and len(left.args) == 1:
        [difference] = left.args
        if isinstance(difference, ast.BinOp) and isinstance(difference.op, ast.Sub):
            return difference.left, difference.right, float(value(right, "tolerance"))
    raise Unconvertible("another comparison than ==")


def value(node: ast.expr, where: str) -> Any:
    """The value of a literal, or of arithmetic between literals. Nothing else is evaluated."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    if isinstance(node, ast.List):
        return [value(item, where) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(value(item, where) for item in node.elts)
    if isinstance(node, ast.BinOp):
        return arithmetic(node.op, value(node.left, where), value(node.right, where), where)
    raise Unconvertible(f"{where} is not a literal")


def arithmetic(operation: ast.operator, left: Any, right: Any, where: str) -> Any:
    """left + right and the like for numbers, small ones for / and **; and text joined by +."""
    kind, numbers = type(operation), isinstance(left, int | float) and isinstance(right, int | float)
    if kind is ast.Add and isinstance(left, str) and isinstance(right, str):
        return left + right
    if numbers and kind in (ast.Add, ast.Sub, ast.Mult):
        return {ast.Add: op.add, ast.Sub: op.sub, ast.Mult: op.mul}[kind](left, right)
    if numbers and kind in (ast.Div, ast.Pow) and abs(left) <= 1000 and 0 < right + (kind is ast.Pow) <= 1000:
        return left / right if kind is ast.Div else left**right
    raise Unconvertible(f"{where} is not a literal")


def refuse_odd(value: Any, where: str) -> None:
    """Refuse what JSON does not carry as it is. A tuple is refused in arguments only: as a result it is a list."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        raise Unconvertible(f"{where} holds inf or nan")
    if value is None or kind in (bool, int, float, str):
        return
    if kind not in (list, tuple, dict) or (kind is tuple and where == "argument"):
        raise Unconvertible(f"{where} holds a {kind.__name__}")
    if kind is dict and any(type(key) is not str for key in value):
        raise Unconvertible(f"{where} holds a dict whose keys are not all strings")
    for item in value.values() if kind is dict else value:
        refuse_odd(item, where)


# --- reading


def samples(name: str, data: Path) -> list[dict[str, Any]]:
    """One file of SandboxFusion's samples."""
    path = data / "sandboxfusion_samples" / f"code_eval_{name}.jsonl"
    return list(read_lines(path.read_text())) if path.exists() else []


def read_lines(text: str) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines text."""
    return (json.loads(line) for line in text.split("\n") if line.strip())


def stdin_checks(source: str) -> Iterator[StdinTest]:
    """The `assert check(input) == output` lines of a test program that replaces sys.stdin, if it is one."""
    if "sys.stdin" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and isinstance(node.test.left, ast.Call):
            yield StdinTest(ast.literal_eval(node.test.left.args[0]), ast.literal_eval(node.test.comparators[0]))


def unpacked(packed: str) -> str:
    """The JSON inside a LiveCodeBench test: base64, zlib, and a pickle, whose strings are read without running it."""
    operations = pickletools.genops(zlib.decompress(base64.b64decode(packed)))
    strings = [str(argument) for operation, argument, _ in operations if "UNICODE" in operation.name]
    return strings[strings.index("input_output") + 1]
