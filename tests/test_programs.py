"""Programming problems from files: asserts re-stated as calls, and each public format, graded on its own solutions."""

from __future__ import annotations

import base64
import json
import pickle
import zlib

import pytest

from aha.errors import DataError
from aha.rewards.code import CallTest, CodeTests, StdinTest, code_of, grade_code, passes_tests
from aha.sandbox.jail import best_level
from aha.sandbox.pool import Pool
from aha.tasks.asserts import NotPlain, calls_of, recorded_calls
from aha.tasks.programs import programs
from aha.types import Completion, Problem

needs_jail = pytest.mark.skipif(best_level()[0] is None, reason="no jail holds here")


@pytest.fixture(scope="module")
def pool():
    with Pool(1) as pool:
        yield pool


def test_literal_asserts_become_calls():
    source = "assert f([1, -2], 'a' + 'b') == (3 * 19, {4: None})\nassert f() is True, 'why'\nassert abs(f(2) - 1 / 3) < 1e-6"
    calls = [CallTest(([1, -2], "ab"), (57, {4: None})), CallTest((), True), CallTest((2,), 1 / 3, 1e-6)]
    assert calls_of(source) == ("f", calls)


def test_a_check_function_names_the_entry_point_and_its_idle_asserts_are_skipped():
    test = "METADATA = {}\n\ndef check(candidate):\n    assert True, 'idle'\n    assert candidate(2) == 4\n\ncheck(square)\n"
    assert calls_of(test, "square") == ("square", [CallTest((2,), 4)])


@pytest.mark.parametrize(
    "source",
    [
        "assert f(Pair(1, 2)) == 3", "assert f([1] * 10**9) == 3", "assert f(1) == 2 ** 10**6", "assert f(1)", "assert not f(1)",
        "assert f(1) != 2", "assert f(1) < 2", "assert f(x=1) == 2", "assert sorted(f(1)) == [2]", "assert True",
        "for i in range(3):\n    assert f(i) == i", "assert f(1) == 1\nassert g(1) == 1",
    ],
)  # fmt: skip
def test_what_is_not_a_plain_call_is_refused(source):
    with pytest.raises(NotPlain):
        calls_of(source)


@needs_jail
def test_a_test_that_does_more_is_written_down_from_the_reference(pool):
    reference, test = (
        "def f(x):\n    return (x, 2 * x)",
        "def check(candidate):\n    for i in range(3):\n        assert candidate(i)[1] == 2 * i\n",
    )
    assert recorded_calls(pool, reference, test, "f") == [CallTest((i,), (i, 2 * i), 1e-6) for i in range(3)]
    with pytest.raises(NotPlain, match="fails its own test"):
        recorded_calls(pool, "def f(x):\n    return (x, 3)", test, "f")


ROWS = {
    "humaneval": {
        "task_id": "HumanEval/x", "entry_point": "double", "prompt": "import math\n\ndef double(x):\n    '''2x'''\n",
        "canonical_solution": "    return 2 * x\n", "test": "def check(candidate):\n    assert candidate(4) == 8\n",
    },
    "mbpp": {"task_id": 7, "text": "Double it.", "code": "def double(x):\r\n    return 2 * x", "test_list": ["assert double(4) == 8"]},
    "apps with stdin": {"question": "Double it.", "input_output": json.dumps({"inputs": ["4\n"], "outputs": ["8\n"]})},
    "apps with calls": {"question": "Double it.", "input_output": {"fn_name": "double", "inputs": [[4]], "outputs": [[8]]}},
    "livecodebench with stdin": {
        "question_content": "Double it.", "public_test_cases": json.dumps([{"input": "4", "output": "8", "testtype": "stdin"}]),
        "private_test_cases": base64.b64encode(
            zlib.compress(pickle.dumps(json.dumps([{"input": "5", "output": "10", "testtype": "stdin"}])))
        ).decode(),
    },
    "livecodebench with calls": {
        "question_content": "Double it.", "starter_code": "class Solution:\n    def double(self, x):\n",
        "public_test_cases": json.dumps([{"input": "4", "output": "8", "testtype": "functional"}]),
        "metadata": json.dumps({"func_name": "double"}),
    },
}  # fmt: skip
FUNCTION = "def double(x):\n    return 2 * x"
METHOD = "class Solution:\n    def double(self, x):\n        return 2 * x"
PROGRAM = "print(2 * int(input()))"


@needs_jail
@pytest.mark.parametrize("name", ROWS)
def test_each_format_loads_and_pays_a_right_program_only(name, pool, tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS[name]))
    [problem] = programs(tmp_path / "rows.jsonl", pool).problems
    right = (
        PROGRAM
        if problem.answer["tests"].stdin
        else METHOD
        if "Solution" in problem.answer["tests"].function
        else FUNCTION
    )
    assert grade_code(pool, problem.answer["tests"], right) == (1.0, "")
    assert grade_code(pool, problem.answer["tests"], right.replace("2 *", "3 *"))[0] == 0.0
    if problem.solution:
        assert passes_tests(pool)(problem, [Completion(problem.solution)]) == [(1.0, "")]


class Trap:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"a": 1}, "row 1: columns of no known kind"),
        ({"question": "x", "input_output": "{"}, "row 1: its tests cannot be read"),
        ({"question": "x", "input_output": {"inputs": [], "outputs": []}}, "row 1: a code problem needs tests"),
        ({"question": "x", "input_output": {"inputs": ["1"], "outputs": []}}, "row 1: its tests cannot be read"),
        ({"question_content": "x", "public_test_cases": "[]"}, "row 1: no tests"),
        (
            ROWS["livecodebench with stdin"]
            | {"private_test_cases": base64.b64encode(zlib.compress(pickle.dumps(Trap()))).decode()},
            "row 1: private tests that would import",
        ),
    ],
)
def test_a_bad_row_is_named(row, says, tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match=says) as error:
        programs(tmp_path / "rows.jsonl")
    assert "\n" not in str(error.value) and "ran" not in capsys.readouterr().out


def test_the_last_block_of_python_counts():
    text = "```python\na\n```\ntext\n~~~py\nb = '```'\n~~~\n```json\n{}\n```\n"
    assert code_of(text) == "b = '```'\n" and code_of("no block") is None and code_of("```\nc\n```") == "c\n"


@needs_jail
def test_code_in_the_thinking_earns_nothing(pool):
    problem = Problem("?", {"tests": CodeTests((StdinTest("4", "8"),))})
    block = f"```python\n{PROGRAM}\n```"
    replies = [f"<think>{block}</think><answer>none</answer>", f"<think></think><answer>{block}</answer>", block]
    assert [grade[0] for grade in passes_tests(pool)(problem, [Completion(reply) for reply in replies])] == [
        0.0,
        1.0,
        0.0,
    ]


@needs_jail
def test_a_share_of_tests_can_be_paid_and_a_broken_jail_is_no_zero(pool, monkeypatch):
    tests = CodeTests(function="f", calls=tuple(CallTest((n,), n * (n > 1)) for n in range(4)))
    assert grade_code(pool, tests, "def f(n): return n") == (0.75, "WA: 3 of 4 tests passed")
    problem, reply = (
        Problem("?", {"tests": tests}),
        Completion("<think></think><answer>```\ndef f(n): return n\n```</answer>"),
    )
    assert (
        passes_tests(pool)(problem, [reply])[0][0] == 0.0
        and passes_tests(pool, partial=True)(problem, [reply])[0][0] == 0.75
    )
    monkeypatch.setattr("aha.sandbox.pool.Jail", lambda level: (_ for _ in ()).throw(OSError("no memory")))
    with Pool(1) as broken:
        assert grade_code(broken, tests, "def f(n): return n") == (None, "SE: no memory")


def test_a_problem_without_tests_is_named(pool):
    with pytest.raises(DataError, match="'sum/1' has no tests"):
        passes_tests(pool)(Problem("?", {"target": 1}, id="sum/1"), [Completion("x")])


@pytest.mark.parametrize("call", [CallTest((1,), object()), CallTest((object(),), 1)])
def test_a_test_that_cannot_be_compared_is_refused_and_never_a_zero(call):
    with pytest.raises(DataError, match="cannot be posed: a value of type object"):
        CodeTests(function="f", calls=(call,))
