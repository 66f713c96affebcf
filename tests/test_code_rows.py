"""The corpus of cheats is what its README says, and honest programs have tests."""

import ast

import pytest

from tests import code_rows as cr


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
