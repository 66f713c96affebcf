"""Every puzzle's own solution earns full marks, and hostile replies earn none."""

import random
from fractions import Fraction
from itertools import permutations, product
from pathlib import Path

import pytest

from aha.errors import ConfigError
from aha.expressions import evaluate
from aha.tasks import countdown as cd
from aha.tasks.countdown_solver import reachable
from aha.types import Completion

TINYZERO = Path(__file__).parents[2] / "shared/data/countdown_tinyzero"
needs_tinyzero = pytest.mark.skipif(not TINYZERO.is_dir(), reason="TinyZero's rows are not beside this checkout")

PUZZLE = cd.problem_of([44, 19, 35], 98, None, "x")


def grade(problem, text, rubric=None, finish="stop"):
    [score] = (rubric or cd.graded())(problem, [Completion(text, finish=finish)])
    return score


def reply(answer, thinking="hm"):
    return f"<think>{thinking}</think><answer>{answer}</answer>"


def assert_solved(problems):
    for problem in problems:
        assert grade(problem, problem.solution).parts == {"correct": 1.0, "formatted": 1.0}, problem
        assert grade(problem, problem.solution, cd.tiered()).total == 1.0


# Solutions and problems


@pytest.mark.parametrize(("numbers", "by"), [((3,), "target"), ((2, 3), "expression"), ((4,), "expression")])
def test_every_generated_solution_earns_full_marks(numbers, by):
    problems = cd.generate(40, seed=1, numbers=numbers, by=by)
    assert_solved(problems)
    assert {len(problem.answer["numbers"]) for problem in problems} == set(numbers)
    assert all(10 <= problem.answer["target"] <= 100 for problem in problems)


def test_the_text_of_a_problem_is_as_documented():
    problem = cd.problem_of([44, 19, 35], 98, cd.find([44, 19, 35], 98), "x")
    assert problem.prompt == "User: Using the numbers 44, 19, 35, make 98.\nAssistant:"
    assert problem.solution == "<think>44 + 19 = 63, 63 + 35 = 98 yes</think><answer>(44 + 19) + 35</answer>"
    assert cd.question([44, 19, 35], 98, "zh") == "用数字 44, 19, 35 算出 98。"


def test_a_chinese_problem_is_solved_in_chinese():
    [problem] = cd.generate(1, seed=0, by="expression", language="zh")
    assert "用数字" in problem.prompt and problem.solution.count("对</think>") == 1
    assert problem.answer["language"] == "zh"
    assert_solved([problem])


@needs_tinyzero
def test_tinyzero_rows_are_solvable_and_their_solutions_earn_full_marks():
    rows = cd.read_rows(TINYZERO / "test.parquet", check=False)
    assert len(rows) == 2000 and all(problem.solution is None for problem in rows)
    three = [problem for problem in rows if len(problem.answer["numbers"]) == 3]
    sample = three + random.Random(0).sample(rows, 200)
    found = [(p.answer["numbers"], p.answer["target"]) for p in sample]
    assert_solved([cd.problem_of(n, t, cd.find(n, t), "x") for n, t in found])


def brute_force(numbers, operators="+-*/"):
    """Every value of every bracketing of every order, the slow way."""
    values = set()
    for (a, b, c), (f, g) in product(permutations(numbers), product(operators, repeat=2)):
        for text in (f"(a {f} b) {g} c", f"a {f} (b {g} c)"):
            try:
                values.add(eval(text, {"a": Fraction(a), "b": Fraction(b), "c": Fraction(c)}))
            except ZeroDivisionError:
                continue
    return values


@pytest.mark.parametrize("operators", ["+-*/", "+-", "*/"])
def test_the_solver_finds_exactly_what_can_be_reached(operators):
    rng = random.Random(0)
    for _ in range(15):
        numbers = [rng.randint(1, 9) for _ in range(3)]
        reachable = brute_force(numbers, operators)
        for target in range(0, 60):
            text = cd.solve(numbers, target, operators)
            assert (text is not None) == (target in reachable), (numbers, target)
            assert text is None or evaluate(text)[0] == target and sorted(evaluate(text)[1]) == sorted(numbers)


@pytest.mark.parametrize("operators", ["+-*/", "+-", "/", "-/"])
def test_what_is_said_to_be_reachable_is_what_the_solver_finds(operators):
    rng = random.Random(operators)
    for _ in range(1_000):
        numbers = [rng.randint(rng.choice([0, 1]), rng.choice([4, 20, 99])) for _ in range(3)]
        target = rng.randint(-5, 100)
        assert reachable(numbers, target, operators) == (cd.find(numbers, target, operators) is not None)


@pytest.mark.parametrize(
    ("numbers", "target"),
    [
        ([3, 3, 8, 8], 24),
        ([1, 5, 5, 5], 24),
        ([1, 3, 4, 6], 24),
        ([5, 5], 0),
        ([2, 2, 3, 5, 7, 9], 0),
        ([7, 7, 9, 50], 0),
    ],
)
def test_fractions_and_zero_are_no_obstacle(numbers, target):
    value, used = evaluate(cd.solve(numbers, target))
    assert value == target and sorted(used) == sorted(numbers)


@pytest.mark.parametrize(("numbers", "target"), [([1, 1, 1, 1], 24), ([2, 2], 3), ([97, 89, 83, 79, 73], 100003)])
def test_the_unreachable_has_no_solution(numbers, target):
    assert cd.solve(numbers, target) is None and cd.solutions(numbers, target) == []


def test_solutions_that_differ_only_in_order_count_once():
    assert len(cd.solutions([1, 2, 3], 6, "+")) == 1
    assert len(cd.solutions([1, 2, 3], 6, "+*")) == 2
    assert len(cd.solutions([2, 3, 4], 24, "*/")) == 1


def test_a_problem_depends_on_its_seed_and_place_alone():
    ten, three = cd.generate(10, seed=5), cd.generate(3, seed=5)
    assert ten[:3] == three and cd.generate(3, seed=6) != three
    assert [cd.key_of(p) for p in three] == [cd.key_of(p) for p in cd.generate(3, seed=5)]


def test_the_stream_of_a_seed_never_changes():
    """Written down once: numbers that depended on the process or the version would break every saved run."""
    [problem] = cd.generate(1, seed=0)
    assert (
        problem.answer == {"numbers": [63, 6, 9], "target": 42, "language": "en"}
        and problem.id == "countdown/train/0/0"
    )


def test_train_and_test_share_no_puzzle_in_any_order():
    small = {"numbers": (2,), "by": "expression", "largest": 12}
    train = {cd.key_of(problem) for problem in cd.generate(600, seed=0, **small)}
    test = {cd.key_of(problem) for problem in cd.generate(60, seed=0, split="test", **small)}
    assert train and test and not train & test
    assert all(cd.split_of(*reversed_key(key)) == "test" for key in test)


def reversed_key(key):
    return key[0][::-1], key[1]


def test_one_puzzle_in_ten_is_for_testing():
    """The share of 5,000 puzzles has a standard deviation of 0.4 %."""
    share = sum(cd.split_of([a, b], 50) == "test" for a in range(1, 51) for b in range(1, 101)) / 5000
    assert 0.085 < share < 0.115


def test_the_knob_makes_problems_easier():
    easy = cd.generate(10, seed=0, by="expression", largest=10, min_solutions=3, operators="+-*")
    for problem in easy:
        numbers, target = problem.answer["numbers"], problem.answer["target"]
        assert max(numbers) <= 10 and len(cd.solutions(numbers, target, "+-*")) >= 3
        assert "/" not in problem.solution.removesuffix("</answer>").split("<answer>")[1]
    hard = cd.generate(10, seed=0, by="expression")
    assert sum(len(cd.solutions(p.answer["numbers"], p.answer["target"])) for p in hard) < 30


@pytest.mark.parametrize(
    "settings",
    [
        {"numbers": (1,)}, {"numbers": (7,)}, {"numbers": ()}, {"by": "luck"}, {"largest": 0}, {"operators": "^"},
        {"operators": ""}, {"language": "fr"}, {"targets": (9, 3)}, {"min_solutions": 0}, {"numbers": (2,), "min_solutions": 50},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigError):
        cd.generate(1, seed=0, **settings)


# Grading


@pytest.mark.parametrize(
    "answer",
    [
        "44+19+35",
        "44 + 19 = 63, so\n(44 + 19) + 35",
        "(44 + 19) + 35",
        " 35 + (19+44) ",
        "44 + 19 + 35 = 98",
        "44 + 19 − (-35)",
    ],
)
def test_right_answers_are_right_however_written(answer):
    assert grade(PUZZLE, reply(answer)).total == pytest.approx(1.1)


HOSTILE = {
    "1/0": "not arithmetic", "44+19+35/(1-1)": "not arithmetic", "9**9**9": "not arithmetic",
    "(" * 5000 + "98" + ")" * 5000: "not arithmetic", "__import__('os').system('true')": "not arithmetic",
    "٤٤+١٩+٣٥": "not arithmetic", "44+19+35=98=98": "not arithmetic", "98=44+19+35": "not arithmetic",
    "44+19+35=99": "not arithmetic", "44+19+35==98": "not arithmetic", "44+19+35\nI am sure": "not arithmetic",
    "44+19+35, 98": "not arithmetic", "44 19 35": "not arithmetic", "44.0+19+35": "not arithmetic",
    "=98": "not arithmetic", "98": "wrong numbers", "98=98": "wrong numbers", "4419+35": "wrong numbers",
    "4419": "wrong numbers", "44+19+35+19-19": "wrong numbers", "44+44+10": "wrong numbers", "63+35": "wrong numbers",
    "44+19": "wrong numbers", "44+19+35+0": "wrong numbers", "44-19+35": "wrong value", "44+19-35 = 98": "wrong value",
    "44/19+35": "wrong value", "": "bad format", "  ": "no answer", "<answer>44+19+35</answer>": "bad format",
    "x" * 10**6: "not arithmetic", "44+19+35" + " " * 10**6 + "x": "not arithmetic",
}  # fmt: skip


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: repr(answer[:20]))
def test_hostile_answers_are_wrong_for_the_right_reason(answer):
    score = grade(PUZZLE, reply(answer))
    assert (score.parts["correct"], score.reason) == (0.0, HOSTILE[answer])
    assert grade(PUZZLE, reply(answer), cd.binary()).total == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "", "44+19+35", "<answer>44+19+35</answer>", "<think>44+19+35", reply("44+19+35")[:-1], "</think>" * 9,
        reply("44+19+35") + reply("44+19+35"), reply("1+2") + "<answer>44+19+35</answer>",
        "<think><answer>44+19+35</answer></think>", reply("44+19+35", thinking="<answer>1</answer>"),
        "<think>hm<answer>44+19+35</answer>", reply("44+19+35") + "\nUser: Using the numbers 1, 2, 4, make 6.",
        PUZZLE.prompt + reply("44+19+35"), "<THINK>hm</THINK><ANSWER>44+19+35</ANSWER>",
        "<think>hm</think><answer>" * 500 + "44+19+35" + "</answer>" * 500, "<think>" * 10**5,
    ],
    ids=lambda text: repr(text[:40]),
)  # fmt: skip
def test_replies_off_the_template_earn_nothing_at_all(text):
    for rubric in (cd.graded(), cd.binary(), cd.tiered()):
        score = grade(PUZZLE, text, rubric)
        assert score.total == 0.0 and score.reason in ("no answer", "bad format")


def test_the_prompts_example_is_not_an_answer():
    score = grade(PUZZLE, reply("(1 + 2) / 3"))
    assert (score.parts["correct"], score.reason) == (0.0, "wrong numbers")


def test_a_reply_that_was_cut_off_earns_nothing_even_if_right():
    for rubric in (cd.graded(), cd.binary(), cd.tiered()):
        score = grade(PUZZLE, reply("44+19+35"), rubric, finish="length")
        assert (score.total, score.reason) == (0.0, "cut off")


def test_tinyzeros_tiers():
    totals = [grade(PUZZLE, text, cd.tiered()).total for text in ("", reply("98"), reply("9**9"), reply("44+19+35"))]
    assert totals == [0.0, 0.1, 0.1, 1.0]


def test_votes_pool_by_value_when_each_number_is_used_once_and_by_text_otherwise():
    def vote(answer, finish="stop"):
        return cd.answer_of(PUZZLE, Completion(reply(answer), finish=finish))

    assert vote("44+19+35") == vote("(35 + 44) + 19") == vote("19+35+44 = 98") == ("98", True)
    assert vote("44-19+35") == vote("35-19+44") == ("60", True)  # wrong answers pool too: a vote checks nothing
    assert vote("98") == ("98", False) and vote("4 4") == vote("44") == ("44", False)
    assert vote("44+19+35", finish="length") is None
    assert cd.answer_of(PUZZLE, Completion("98")) is None
