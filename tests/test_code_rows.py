"""Asserts become calls or are refused with a reason; the corpus of cheats is what its README says."""

import ast

import pytest

from tests import code_rows as cr
from tests.code_rows import CallTest, CodeRow, Unconvertible, convert

needs_data = pytest.mark.skipif(not cr.DATA.exists(), reason="the shared data are not here")


def row(*asserts, function=""):
    return CodeRow("x", "assert", "", asserts, function)


def test_literal_asserts_become_calls():
    found = convert(row("assert f([1, -2], 'a' + 'b') == (3 * 19, {'k': None})", "assert f() is True, 'why'"))
    assert (found.form, found.function) == ("call", "f")
    assert found.tests == (CallTest([[1, -2], "ab"], (57, {"k": None})), CallTest([], True))


def test_a_tolerance_is_kept():
    found = convert(row("assert abs(f(1.33) - 1.0 / 3) < 1e-6"))
    assert found.tests == (CallTest([1.33], 1.0 / 3, 1e-6),)


def test_a_check_function_names_the_entry_point_and_its_idle_asserts_are_skipped():
    test = "METADATA = {}\n\ndef check(candidate):\n    assert True, 'idle'\n    assert candidate(2) == 4\n\ncheck(square)\n"
    found = convert(row(test, function="square"))
    assert (found.function, found.tests) == ("square", (CallTest([2], 4),))


REFUSED = {
    "assert f(Pair(1, 2)) == 3": "argument is not a literal",
    "assert f([1] * 10**9) == 3": "argument is not a literal",
    "assert f(1) == 2 ** 10**6": "expected value is not a literal",
    "assert f((1, 2)) == 3": "argument holds a tuple",
    "assert f({1}) == 3": "argument holds a set",
    "assert f(1) == {1: 2}": "expected value holds a dict whose keys are not all strings",
    "assert f(1) == 1e999": "expected value holds inf or nan",
    "assert f(1)": "asserts truth, not a value",
    "assert not f(1)": "asserts truth, not a value",
    "assert f(1) != 2": "another comparison than ==",
    "assert f(1) < 2": "another comparison than ==",
    "assert f(x=1) == 2": "the left side is not a plain call",
    "assert sorted(f(1)) == [2]": "the result is reworked before it is compared",
    "for i in range(3):\n    assert f(i) == i": "helper code in the test",
    "assert True": "no assert to convert",
}


@pytest.mark.parametrize(("source", "reason"), REFUSED.items(), ids=REFUSED)
def test_what_is_not_a_plain_call_is_refused_with_its_reason(source, reason):
    with pytest.raises(Unconvertible, match=f"^{reason}$"):
        convert(row(source))


def test_tuples_and_sets_pass_where_the_wire_carries_them():
    found = convert(row("assert f((1, 2), {3}) == {4: 5}"), plain=False)
    assert found.tests == (CallTest([(1, 2), {3}], {4: 5}),)


def test_a_row_of_two_functions_is_refused():
    with pytest.raises(Unconvertible, match="several functions"):
        convert(row("assert f(1) == 1", "assert g(1) == 1"))


@needs_data
def test_well_over_two_hundred_references_convert():
    """151 of 164 HumanEval, 737 of 872 MBPP and 17 of 20 CRUXEval rows; 153, 864 and 20 with tuples and sets."""
    for plain, counts in ((True, (151, 737, 17)), (False, (153, 864, 20))):
        ids = [found.id.split("/")[0] for found in cr.call_rows(plain=plain)]
        assert (ids.count("HumanEval"), ids.count("MBPP"), ids.count("CRUXEval")) == counts


@needs_data
def test_samples_without_solutions_keep_their_tests():
    rows = {found.id: found for found in cr.train_oj() + cr.live_code()}
    assert len(rows) == 23 and not any(found.solution for found in rows.values())
    assert rows["train_oj/9"].tests[0] == cr.StdinTest("-13 3\n", "-10\n")
    assert rows["live_code/leetcode/2727"].function == "countSeniors"
    assert rows["live_code/atcoder/abc301_a"].tests[0] == cr.StdinTest("5\nTTAAT\n", "T\n")


def test_absent_data_give_no_rows(tmp_path):
    readers = (cr.humaneval, cr.mbpp, cr.cruxeval, cr.train_oj, cr.live_code, cr.call_rows)
    assert [reader(tmp_path) for reader in readers] == [[]] * 6


@pytest.mark.parametrize("form", ["stdin", "call"])
def test_every_cheat_compiles_and_is_in_the_readme_with_its_reason(form):
    found = cr.cheats(form)
    assert len(found) >= 60
    for cheat in found:
        ast.parse(cheat.solution)
        assert {"Trick", "Why", "Seen"} <= cr.notes(cheat).keys(), cheat.id
        assert max(map(len, cheat.solution.splitlines())) <= 120, cheat.id
    readme = (cr.TESTS / "cheats" / "README.md").read_text()
    assert f"## {form}: {len(found)}\n\n" + "\n".join(cr.cheat_table(form)) + "\n" in readme


@pytest.mark.parametrize("form", ["stdin", "call"])
def test_the_problems_have_hidden_tests_besides_the_sample(form):
    tests, _ = cr.cheat_problem(form)
    assert len(tests) >= 6 and len({repr(test) for test in tests}) == len(tests)


def test_every_honest_program_has_tests():
    found = cr.honest_programs()
    assert sum(not program.optional for program in found) >= 70
    for program in found:
        ast.parse(program.solution)
        assert program.tests, program.id
    assert len(next(p for p in found if p.id == "honest/large_input").tests[0].input) == 200_001
