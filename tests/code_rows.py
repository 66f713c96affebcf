"""Programs to try a code grader on: honest ones of our own, and the cheats.

honest_programs()        tests/honest: one way of reading, printing or computing each
cheats(form)             tests/cheats: programs that must never be paid
"""

from __future__ import annotations

import ast
import json
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
