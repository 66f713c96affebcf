"""Programming benchmarks: HumanEval, MBPP, LiveCodeBench, Codeforces. Replies are graded in the jail by hidden tests.

Only what stands after the thinking is read, with or without answer tags, since programs tried out in the thinking are not the
answer. Rows that cannot become a problem are left out and told, never counted.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from aha.errors import DataError
from aha.rewards.code import CodeTests, StdinTest, code_of, grade_code
from aha.rewards.rubric import Grade, Rubric, each
from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool, shared_pool
from aha.tasks import programs
from aha.tasks.asserts import NotPlain
from aha.tasks.benchmarks_grade import concluded
from aha.tasks.benchmarks_rows import Row, rows
from aha.tasks.data_names import files_of
from aha.types import Completion, Problem

EXTRACTOR = "last fenced block of Python after the thinking, all hidden tests in the jail; benchmark-code/1"
LIVE_LIMITS = Limits(wall=6.0, cpu=6.0)
"""LiveCodeBench's own limit for one test."""
STDIN = (
    "You will be given a question (problem specification) and will generate a correct Python program that matches the "
    "specification and passes all tests.\n\nQuestion: {question}\n\nRead the inputs from stdin, solve the problem and write the "
    "answer to stdout (do not directly test on the sample inputs). Enclose your code in one fenced block of Python."
)
STARTER = (
    "You will be given a question (problem specification) and will generate a correct Python program that matches the "
    "specification and passes all tests.\n\nQuestion: {question}\n\nUse the following starter code to write the solution, and "
    "enclose your code in one fenced block of Python.\n```python\n{starter}\n```"
)
"""LiveCodeBench's two wordings (arXiv 2403.07974), its delimiters called a fenced block."""


def read_programs(path: Path, pool: Pool | None, window: tuple[str, str] = ("", "")) -> tuple[list[Problem], list[str]]:
    """The problems of a file, and a line for each row left out. Raises DataError for damaged rows.

    `window` keeps rows whose `contest_date` is in it, both days included, such as ("2024-08-01", "2025-01-31").
    """
    problems, left_out = [], []
    for file in files_of(path, "test"):
        for number, row in rows(file):
            where = f"{file}, row {number}"
            if not _within(row, window, where):
                continue
            try:
                problems.append(program(row, where, pool))
            except NotPlain as error:
                left_out.append(f"{where}: {error}")
    if not problems:
        dates = f" between {window[0]} and {window[1]}" if any(window) else ""
        raise DataError(f"{path} has no usable row{dates}{': ' + left_out[0] if left_out else ''}")
    return problems, left_out


def _within(row: Row, window: tuple[str, str], where: str) -> bool:
    if not any(window):
        return True
    try:
        day = date.fromisoformat(str(row["contest_date"])[:10])
    except (KeyError, ValueError):
        raise DataError(f"{where}: no `contest_date` such as 2024-08-01, so the window cannot be kept") from None
    return window[0] <= day.isoformat() <= window[1]


def program(row: Row, where: str, pool: Pool | None) -> Problem:
    """The problem of a row. Raises DataError for a damaged one, and NotPlain for one whose tests cannot be posed."""
    try:
        return _problem(row, pool)
    except NotPlain:
        raise
    except (DataError, KeyError, TypeError, ValueError, AttributeError, SyntaxError, RecursionError) as error:
        raise DataError(f"{where}: not a program with tests ({type(error).__name__}: {error})") from None


def _problem(row: Row, pool: Pool | None) -> Problem:
    if "public_test_cases" in row:
        return _live(row)
    if "official_tests" in row:
        return _contest(row)
    for columns, read in programs.KINDS:
        if all(column in row for column in columns):
            return read(row, pool)
    raise DataError(f"columns of no known kind: {', '.join(row)}")


def _live(row: Row) -> Problem:
    problem, starter = programs.live_code(row), row.get("starter_code") or ""
    wording = STARTER.replace("{starter}", starter) if starter else STDIN
    asked = programs.render(wording.replace("{question}", row["question_content"]))
    return replace(problem, prompt=asked, answer={"tests": replace(problem.answer["tests"], limits=LIVE_LIMITS)})


def _contest(row: Row) -> Problem:
    """A row of open-r1/codeforces. Raises NotPlain where the tests are incomplete or need a checker of their own."""
    if row.get("generated_checker") or row.get("interaction_format"):
        raise NotPlain("several answers are right, or the program talks to a judge")
    if not row["official_tests"] or row.get("official_tests_complete") is False:
        raise NotPlain("the official tests are missing or incomplete")
    if row.get("input_mode") not in (None, "stdio"):
        raise NotPlain("its programs read files")
    tests = tuple(StdinTest(test["input"], test["output"]) for test in row["official_tests"])
    seconds = float(row.get("time_limit") or 2.0)
    limits = Limits(wall=2 * seconds + 1, cpu=seconds, memory=int(float(row.get("memory_limit") or 256)) << 20)
    answer: dict[str, Any] = {"tests": CodeTests(stdin=tests, limits=limits)}
    if row.get("rating"):
        answer["rating"] = float(row["rating"])
    return Problem(
        programs.render(STDIN.replace("{question}", _statement(row))), answer, None, f"codeforces/{row['id']}"
    )


def _statement(row: Row) -> str:
    titled = (("", "description"), ("Input\n", "input_format"), ("Output\n", "output_format"), ("Note\n", "note"))
    parts = [f"{title}{row[name]}" for title, name in titled if row.get(name)]
    examples = [f"Sample input\n{one['input']}\nSample output\n{one['output']}" for one in row.get("examples") or ()]
    return "\n\n".join([*parts[:3], *examples, *parts[3:]])


def program_of(problem: Problem, completion: Completion) -> tuple[str | None, str]:
    """The program that a reply hands in, or None and why there is none."""
    text, reason = concluded(problem, completion)
    if text is None:
        return None, reason
    code = code_of(text)
    return code, "" if code is not None else "no fenced block of Python after the thinking"


def correct(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
    """1 for a program that passes all hidden tests, else 0; None where the jail failed. Equal programs are run once."""
    found = [program_of(problem, completion) for completion in group]
    once = list(dict.fromkeys(code for code, _ in found if code is not None))
    pool, tests = shared_pool(), problem.answer["tests"]
    grades = dict(zip(once, pool.threads.map(lambda code: grade_code(pool, tests, code), once), strict=True))
    return [(0.0, reason) if code is None else _all_or_nothing(grades[code]) for code, reason in found]


def _all_or_nothing(grade: tuple[float | None, str]) -> Grade:
    value, reason = grade
    return (None if value is None else float(value == 1.0)), reason


@each
def formatted(problem: Problem, completion: Completion) -> Grade:
    """1 if a program was handed in, in a fenced block after the thinking."""
    code, reason = program_of(problem, completion)
    return (0.0, reason) if code is None else 1.0


def programming() -> Rubric:
    """The rubric of programming benchmarks."""
    return Rubric((1.0, correct), (0.0, formatted))


def handed_in(problem: Problem, completion: Completion) -> Hashable | None:
    """What a reply votes for: its program without blank lines and spaces at line ends."""
    code, _ = program_of(problem, completion)
    if code is None:
        return None
    return "\n".join(line.rstrip() for line in code.splitlines() if line.strip())
