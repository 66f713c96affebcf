"""The code reward against programs that try to be paid without solving, and honest ones that must be paid (S13, S14)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aha.rewards.code import CallTest, CodeTests, StdinTest, grade_code
from aha.sandbox.jail import best_level
from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool
from aha.tasks.programs import programs
from tests.code_rows import DATA, TESTS, CodeRow, cheats, honest_programs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(best_level()[0] is None, reason=f"no jail holds here: {best_level()[1]}"),
]
CHEAT = Limits(wall=3, cpu=3, memory=256 << 20)


@pytest.fixture(scope="module")
def pool():
    with Pool(2) as pool:
        yield pool


def hidden_tests(row: CodeRow, limits: Limits) -> CodeTests:
    if row.form == "stdin":
        return CodeTests(stdin=tuple(StdinTest(t.input, t.output) for t in row.tests), limits=limits)
    calls = tuple(CallTest(tuple(t.args), t.expected, t.tolerance or 0.0) for t in row.tests)
    return CodeTests(function=row.function, calls=calls, limits=limits)


def graded(pool, rows, limits):
    with ThreadPoolExecutor(2) as threads:
        grades = threads.map(lambda row: grade_code(pool, hidden_tests(row, limits), row.solution), rows)
        return {row.id: grade for row, grade in zip(rows, grades, strict=True)}


@pytest.mark.parametrize("form", ["stdin", "call"])
def test_no_cheat_passes_and_the_jail_outlives_all(pool, form):
    rows, broken = cheats(form), pool.broken
    assert len(rows) >= 30
    paid = {name: grade for name, grade in graded(pool, rows, CHEAT).items() if grade[0] == 1.0}
    assert not paid
    assert pool.broken == broken


@pytest.mark.parametrize("form", ["stdin", "call"])
def test_nothing_of_the_program_before_can_be_found(form):
    honest = (TESTS / "cheats" / f"honest_{form}.py").read_text()
    with Pool(1) as pool:
        for row in (row for row in cheats(form) if "previous" in row.id):
            tests = hidden_tests(row, CHEAT)
            parts = [replace(tests, stdin=(t,)) for t in tests.stdin] or [
                replace(tests, calls=(t,)) for t in tests.calls
            ]
            paid = []
            for part in parts:
                assert grade_code(pool, part, honest)[0] == 1.0
                paid.append(grade_code(pool, part, row.solution)[0] == 1.0)
            assert not all(paid), row.id


def test_honest_programs_are_paid(pool):
    rows = [row for row in honest_programs() if not row.optional]
    assert len(rows) >= 25
    failed = {name: grade for name, grade in graded(pool, rows, Limits(wall=20, cpu=20)).items() if grade[0] != 1.0}
    assert not failed


@pytest.mark.skipif(not DATA.exists(), reason="the shared data are not here")
def test_reference_solutions_are_paid_three_times_over(pool):
    problems = programs(DATA / "humaneval" / "HumanEval.jsonl.gz", pool).problems
    problems += programs(DATA / "mbpp" / "train.jsonl", pool).problems[:60]
    assert len(problems) >= 200
    for _ in range(3):
        with ThreadPoolExecutor(2) as threads:
            codes = [p.solution.partition("```python\n")[2].rpartition("\n```")[0] for p in problems]
            grades = list(threads.map(lambda p, code: grade_code(pool, p.answer["tests"], code), problems, codes))
        assert [(p.id, g) for p, g in zip(problems, grades, strict=True) if g[0] != 1.0] == []
