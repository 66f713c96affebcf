"""The embedded world's tasks: every known solution earns full marks, other replies earn none, and no test is trained on."""

from __future__ import annotations

import pytest

from aha.chat import parse_reply
from aha.errors import ConfigError
from aha.models.world.general_text import KINDS, OPPOSITES
from aha.rewards.hostile import Example, attempt, trials
from aha.tasks import arithmetic as sums
from aha.tasks import choices as letters
from aha.tasks import short_programs as code
from aha.tasks.arithmetic import arithmetic
from aha.tasks.choices import choices
from aha.tasks.short_programs import COMPOSED, FAMILIES, Family, short_programs
from aha.types import Completion, Problem

TASKS = {"arithmetic": arithmetic, "choice": choices, "programs": short_programs}
each_task = pytest.mark.parametrize("name", TASKS)


def reply(answer, thinking="hm"):
    return f"<think>{thinking}</think><answer>{answer}</answer>"


def grade(task, problem, text, finish="stop"):
    [score] = task.rubric(problem, [Completion(text, finish=finish)])
    return score


# What every task keeps


@pytest.mark.parametrize("name", ["arithmetic", "choice"])
def test_every_known_solution_earns_full_marks(name):
    task = TASKS[name](test_count=60)
    for problem in [*task.test, *task.draw(100, 3)]:
        assert grade(task, problem, problem.solution).parts == {"correct": 1.0, "formatted": 1.0}, problem


@each_task
def test_a_problem_depends_on_its_seed_and_place_alone(name):
    task = TASKS[name](test_count=5)
    assert task.draw(9, 5)[:3] == task.draw(3, 5) != task.draw(3, 6)
    assert [problem.id for problem in task.draw(2, 5)] == [f"{name}/train/5/0", f"{name}/train/5/1"]
    assert task.name == name and all(problem.id.startswith(f"{name}/test/0/") for problem in task.test)


@each_task
def test_no_test_problem_is_trained_on_and_none_is_asked_twice(name):
    key_of = {"arithmetic": sums.key_of, "choice": letters.key_of, "programs": code.key_of}[name]
    task = TASKS[name](test_count=80)
    test = {key_of(problem) for problem in task.test}
    assert test and not test & {key_of(problem) for problem in task.draw(400, 1)}
    assert len({problem.prompt for problem in task.test}) == len(task.test) > 30


@each_task
def test_hostile_replies_earn_nothing(name):
    task = TASKS[name](test_count=1)
    [problem] = task.test
    reward = {"arithmetic": sums.correct, "choice": letters.correct, "programs": code.correct}[name]
    findings = [attempt(reward, trial) for trial in trials([Example(problem, problem.solution, 1.0)])]
    assert len(findings) > 10 and all(finding.held for finding in findings), findings


@each_task
def test_a_reply_that_was_cut_off_earns_nothing_and_has_no_vote(name):
    task = TASKS[name](test_count=1)
    [problem] = task.test
    assert grade(task, problem, problem.solution, finish="length").total == 0.0
    assert task.answer_of(problem, Completion(problem.solution, finish="length")) is None


@each_task
def test_negative_counts_are_refused(name):
    with pytest.raises(ConfigError, match="test_count = -1"):
        TASKS[name](test_count=-1)
    with pytest.raises(ConfigError, match="count = -2"):
        TASKS[name](test_count=0).draw(-2, 0)


@pytest.mark.parametrize("make", [arithmetic, choices])
@pytest.mark.parametrize("languages", [(), ("fr",), ("en", "fr"), "en"], ids=str)
def test_languages_nobody_asks_in_are_refused(make, languages):
    with pytest.raises(ConfigError, match="some of en, zh"):
        make(languages)


@pytest.mark.parametrize("make", [arithmetic, choices])
def test_both_languages_are_asked_and_named(make):
    problems = make(test_count=0).draw(60, 0)
    assert {problem.answer["language"] for problem in problems} == {"en", "zh"}
    for problem in problems:
        assert (problem.answer["language"] == "zh") == (not problem.prompt.isascii())
    assert all(problem.prompt.isascii() for problem in make(("en",), test_count=0).draw(20, 0))


# Arithmetic


def test_the_stream_of_a_seed_never_changes():
    """Written down once: numbers that depended on the process or the version would break every saved run."""
    [problem] = arithmetic(test_count=0).draw(1, 1)
    assert problem.prompt == "User: 15 + 99 - 48 等于多少？\nAssistant:"
    assert problem.solution == "<think>15 + 99 = 114\n114 - 48 = 66</think><answer>66</answer>"


@pytest.mark.parametrize("steps", [(1,), (5,), (2, 7)])
def test_chains_are_as_long_as_asked(steps):
    problems = arithmetic(steps=steps, test_count=0).draw(30, 0)
    assert {sum(map(problem.answer["chain"].count, "+-")) for problem in problems} == set(steps)
    assert all(problem.solution.count("=") == problem.answer["steps"] for problem in problems)


SUM = Problem("", {"chain": "12 + 30 - 7", "steps": 2, "value": 35, "language": "en"})


def test_the_order_and_the_language_of_a_chain_do_not_matter_to_the_split():
    same = [Problem("", {"chain": chain}) for chain in ("12 + 30 - 7", "30 - 7 + 12", "12 - 7 + 30")]
    assert {sums.key_of(problem) for problem in same} == {"[-7, 12, 30]"}
    assert sums.key_of(Problem("", {"chain": "7 + 30 - 12"})) == "[-12, 7, 30]"


@pytest.mark.parametrize("answer", ["35", " 35 ", "+35", "+ 35", "035", "12 + 30 = 42\n35"])
def test_the_right_number_is_right(answer):
    assert grade(arithmetic(test_count=0), SUM, reply(answer)).total == pytest.approx(1.1)


@pytest.mark.parametrize(
    "answer", ["12 + 30 - 7", "35.0", "= 35", "35 = 35", "3 5", "٣٥", "³⁵", "35\n35 or 36", "9" * 5000, "0x23", "--35"]
)
def test_anything_but_a_whole_number_is_wrong(answer):
    score = grade(arithmetic(test_count=0), SUM, reply(answer))
    assert (score.parts["correct"], score.reason) == (0.0, "not a number")


def test_a_sign_counts():
    assert grade(arithmetic(test_count=0), SUM, reply("-35")).reason == "wrong value"
    assert sums.read_integer("- 35") == -35


def test_numbers_are_one_vote_however_written():
    votes = {sums.answer_of(SUM, Completion(reply(answer))) for answer in ("35", "+35", " 035")}
    assert votes == {35} and sums.answer_of(SUM, Completion(reply("about  35"))) == "about 35"


@pytest.mark.parametrize("steps", [(), (0,), (2, 21)])
def test_lengths_that_no_chain_has_are_refused(steps):
    with pytest.raises(ConfigError, match="1 to 20 steps"):
        arithmetic(steps=steps)


# Choices


def test_one_option_alone_is_right():
    kinds = {word: kind for kind, words in KINDS.items() for word in words}
    for problem in choices(test_count=0).draw(200, 0):
        asked, options = problem.answer["asked"], problem.answer["options"]
        pairs = set(OPPOSITES)
        right = [o for o in options if kinds.get(o) == asked or (asked, o) in pairs]
        assert right == [options["ABCD".index(problem.answer["letter"])]] and len(set(options)) == 4


def test_the_right_letter_is_as_likely_as_the_others():
    """1,000 draws at a quarter each: a share below 0.2 or above 0.3 is 3.6 standard deviations off."""
    told = [problem.answer["letter"] for problem in choices(test_count=0).draw(1000, 0)]
    assert all(0.2 < told.count(letter) / 1000 < 0.3 for letter in "ABCD")


CHOICE = Problem("", {"letter": "C"})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("C", ""), ("C)", ""), ("C.", ""), ("D", "wrong letter"), ("dog", "not a letter"), ("C D", "not a letter"),
     ("ABCD", "not a letter"), ("c", "not a letter"), ("Ｃ", "not a letter"), ("C) dog", "not a letter")],
)  # fmt: skip
def test_a_letter_and_nothing_else_is_graded(answer, reason):
    score = grade(choices(test_count=0), CHOICE, reply(answer))
    assert (score.parts["correct"], score.reason) == (float(not reason), reason)


def test_letters_are_one_vote_however_written():
    assert {letters.answer_of(CHOICE, Completion(reply(a))) for a in ("C", "C)", "C.")} == {"C"}
    assert letters.answer_of(CHOICE, Completion(reply("a  dog"))) == "a dog"


# Programs


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES | COMPOSED)
def test_the_program_of_every_family_passes_its_tests(name):
    task = short_programs({name: (FAMILIES | COMPOSED)[name]}, test_count=0)
    problems = task.draw(2, 0)
    assert all(grade(task, p, p.solution).parts == {"correct": 1.0, "formatted": 1.0} for p in problems)


ADDING = Family("reads a number and prints it plus {k}", "print(int(input()) + {k})", code.number, lambda a, k: a + k)


def test_right_programs_pass_however_written_and_others_fail():
    task = short_programs({"plus": ADDING}, constants=(37, 37), test_count=0)
    [problem] = task.draw(1, 0)
    right = "It adds.\n```python\nk = 37\nn = int(input())\nprint(n + k)\n```"
    outputs = [test.stdout for test in problem.answer["tests"].stdin]
    wrong = ["print(int(input()) + 36)", f"print({outputs[0]})", "print(input() + 37)", "37", ""]
    group = [Completion(reply(text)) for text in (right, *(f"```python\n{line}\n```" for line in wrong), "print(1)")]
    assert [score.parts["correct"] for score in task.rubric(problem, group)] == [1.0] + [0.0] * 6


def test_replies_that_are_the_same_are_run_once(monkeypatch):
    task, seen = short_programs({"plus": ADDING}, test_count=0), []
    monkeypatch.setattr(code, "passes_tests", lambda pool: lambda problem, group: seen.extend(group) or [1.0, 0.0, 0.0])
    group = [Completion("a"), Completion("b"), Completion("a"), Completion("a", finish="length")]
    grades = code.correct(task.draw(1, 0)[0], group)
    assert list(grades) == [1.0, 0.0, 1.0, 0.0] and [c.text for c in seen] == ["a", "b", "a"]


@pytest.mark.parametrize("name", FAMILIES | COMPOSED)
def test_no_fixed_output_passes_and_questions_keep_their_tests(name):
    task = short_programs({name: (FAMILIES | COMPOSED)[name]}, test_count=0)
    first, again = task.draw(1, 0)[0], task.draw(1, 0)[0]
    assert first.answer["tests"] == again.answer["tests"]
    assert len({test.stdout for test in first.answer["tests"].stdin}) > 1 and first.answer["tests"].count == 3


def test_a_held_out_program_is_held_out_in_every_wording():
    task = short_programs()
    asked = {problem.answer["key"] for problem in task.test if problem.answer["family"] == "times"}
    reworded = {problem.answer["key"] for problem in task.test if problem.answer["family"] == "one times"}
    assert asked == reworded and 2 <= len(asked) <= 20
    assert all("{" not in problem.prompt and problem.answer["key"] for problem in task.test)


def test_programs_vote_by_what_they_do_not_by_how_they_are_laid_out():
    one, two = "```python\nn = 1\n\nprint(n)  \n```", "It is:\n```python\n# one\nn = 1\nprint(n)\n```"
    votes = {code.answer_of(CHOICE, Completion(reply(text))) for text in (one, two)}
    assert votes == {"n = 1\nprint(n)"}
    assert code.answer_of(CHOICE, Completion(reply("print( 1)"))) == "print( 1)"


@pytest.mark.parametrize(
    "settings", [{"families": {}}, {"constants": (0, 5)}, {"constants": (9, 3)}, {"constants": (1, 1000)}], ids=str
)
def test_programs_that_cannot_be_asked_are_refused(settings):
    with pytest.raises(ConfigError, match="give"):
        short_programs(**settings)


def test_every_solution_is_in_the_template():
    for make in TASKS.values():
        assert all(parse_reply(problem.solution) for problem in make(test_count=20).test)
