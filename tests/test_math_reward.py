r"""A right answer earns 1 however it is written, a near miss and every trick earn 0, and nothing hangs."""

import json
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aha.errors import DataError
from aha.rewards import math as reward
from aha.rewards.math import VERSION, correct_math, correct_math_lenient, grade_math, same_answer
from aha.rewards.mathematics.answer import NotAnswer, readings
from aha.rewards.mathematics.compare import Rules, same
from aha.rewards.mathematics.exact import evaluate
from aha.rewards.mathematics.extract import find_answer
from aha.rewards.mathematics.lenient import undressed
from aha.rewards.mathematics.ring import NotExact, TooComplex
from aha.rewards.mathematics.text import spell
from aha.rewards.mathematics.worker import WorkerFailed
from aha.rewards.rubric import Rubric
from aha.types import Completion, Problem

PAIRS = [json.loads(line) for line in (Path(__file__).parent / "data" / "math_pairs.jsonl").read_text().splitlines()]
EXACT = Rules(symbolic=lambda gold, answer: False)


def exactly(gold, answer, rules=EXACT):
    try:
        return same(readings(gold), readings(answer), rules)
    except (NotAnswer, NotExact) as refused:
        return type(refused).__name__


def rates(accepted):
    kept = sum(pair["same"] for pair, _ in accepted)
    right = sum(pair["same"] for pair, taken in accepted if taken)
    return right / sum(taken for _, taken in accepted), right / kept


def test_there_are_thousands_of_pairs_and_hundreds_by_hand():
    assert len(PAIRS) >= 2000 and sum(pair["by"] == "hand" for pair in PAIRS) >= 500
    assert len({(pair["gold"], pair["answer"]) for pair in PAIRS}) == len(PAIRS)
    assert not {p["gold"] for p in PAIRS if p["split"] == "dev"} & {p["gold"] for p in PAIRS if p["split"] == "test"}


@pytest.mark.parametrize("half", ["dev", "test"])
def test_the_exact_path_alone_accepts_nothing_wrong_and_misses_little(half):
    pairs = [pair for pair in PAIRS if pair["split"] == half]
    precision, recall = rates([(pair, not exactly(pair["gold"], pair["answer"])) for pair in pairs])
    assert precision > 0.995 and recall > 0.95, (precision, recall)


@pytest.mark.slow
@pytest.mark.parametrize(("half", "lenient"), [("dev", False), ("test", False), ("dev", True), ("test", True)])
def test_precision_and_recall_on_all_pairs(half, lenient):
    pairs = [pair for pair in PAIRS if pair["split"] == half]
    graded = [(pair, same_answer(pair["gold"], pair["answer"], lenient)) for pair in pairs]
    assert not [pair for pair, grade in graded if grade.value is None]
    precision, recall = rates([(pair, grade.value == 1) for pair, grade in graded])
    assert precision > (0.98 if lenient else 0.995) and recall > 0.97, (precision, recall)


@settings(deadline=None, max_examples=60)
@given(st.fractions(-(10**6), 10**6, max_denominator=10**4), st.integers(2, 99))
def test_every_spelling_of_a_fraction_is_the_fraction(value, factor):
    top, bottom = value.numerator, value.denominator
    for text in (f"{top}/{bottom}", rf"\frac{{{top * factor}}}{{{bottom * factor}}}", f"x = {top}/{bottom}"):
        assert exactly(f"{top}/{bottom}", text) == ""
    assert exactly(f"{top}/{bottom}", f"{top + 1}/{bottom}") != ""


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="0123456789x+-*/^(){}[]\\, =<>frac sqrt±π∪.%$", max_size=60))
def test_no_text_breaks_the_reader(text):
    assert isinstance(exactly("5", text), str)


@settings(deadline=None, max_examples=60)
@given(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 40))
def test_surds_multiply_as_numbers_do(a, b, c):
    left = evaluate(rf"({a}+\sqrt{{{b}}})*({a}-\sqrt{{{b}}})").value
    assert left.rational() == a * a - b
    assert evaluate(rf"\sqrt{{{b}}}*\sqrt{{{c}}}").value == evaluate(rf"\sqrt{{{b * c}}}").value
    assert evaluate(rf"\frac{{1}}{{\sqrt{{{b}}}}}").value * evaluate(rf"\sqrt{{{b}}}").value == evaluate("1").value


@pytest.mark.parametrize(
    ("reply", "text", "where"),
    [
        ("<think>2 or 3?</think> So $\\boxed{3}$.", "3", "box"),
        ("<think>a</think><answer>5</answer>", "5", "answer tag"),
        (r"<think>a</think><answer>It is \boxed{\frac{1}{2}}.</answer>", r"\frac{1}{2}", "answer tag"),
        (r"First \boxed{3}, but that forgets a case, so it is \boxed{4}.", "4", "box"),
        (r"\boxed{3} or \boxed{4}", "3, 4", "box"),
        (r"$\boxed{1}$, $\boxed{2}$ and $\boxed{7}$", "1, 2, 7", "box"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}", "box"),
        (r"unmatched } } then \boxed{7}", "7", "box"),
    ],
)
def test_the_last_box_or_the_answer_tag_is_the_answer(reply, text, where):
    found, reason = find_answer(reply)
    assert (found.text, found.where, reason) == (text, where, "")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no answer"),
        ("The answer is 5.", "no answer"),
        (r"<think>so \boxed{5}</think>", "no answer"),
        (r"<think>so \boxed{5}", "no answer"),
        ("<think><answer>5</answer></think>", "no answer"),
        (r"\boxed{}", "no answer"),
        (r"\boxed{5", "bad format"),
        (r"\boxed{\boxed{5}}", "nested box"),
        ("<think>a</think><answer>5</answer><answer>6</answer>", "bad format"),
        ("<think>a</think><answer>5", "bad format"),
        ("<think>a</think><answer>5</answer> or 6", "bad format"),
        (r"<think>a</think> \boxed{5} </think> \boxed{6}", "bad format"),
    ],
)
def test_what_is_no_final_answer_is_not_read(reply, reason):
    assert find_answer(reply) == (None, reason)
    assert grade_math("5", reply).value == 0


@pytest.mark.parametrize(
    "reply",
    ["The answer is 5.", r"\boxed 5", r"\boxed{\boxed{5}}", "#### 5", "<answer>3</answer><answer>5", "so we get 5"],
)
def test_lenient_extraction_looks_further(reply):
    found, _ = find_answer(reply, lenient=True)
    assert found.text == "5"
    assert grade_math("5", reply, lenient=True).value == 1 and grade_math("5", reply).value == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("3 or 5", "several answers"), ("x=5 or x=7", "several answers"), (r"5 \text{ or } 6", "several answers"), ("4,5,6", "several answers"),
        ("[0, 10]", "wrong form"), (r"\pm 5", "several answers"), ("The answer is 5", "not an answer"), ("5 apples", "not an answer"), ("about 5", "not an answer"),
        ("2+3", "not evaluated"), ("17*23", "wrong value"), (r"\log_2 32", "not evaluated"), (r"\boxed{5}", "not evaluated"), ("5x", "wrong value"), ("(5", "not an answer"),
        ("5 5", "not evaluated"), ("", "not an answer"), ("nan", "wrong value"), ("5%", "wrong value"), ("5 = 6", "wrong form"), ("x > 4", "wrong form"), ("", "not an answer"),
    ],
)  # fmt: skip
def test_what_a_policy_might_try_earns_nothing(answer, reason):
    grade = same_answer("5", answer)
    assert (grade.value, grade.reason) == (0.0, reason)


def test_an_expression_copied_from_the_question_earns_nothing():
    question = "Expand $(x+3)(x-3)$."
    assert grade_math("x^2-9", r"\boxed{(x+3)(x-3)}", question=question).reason == "restates the question"
    assert grade_math("x^2-9", r"\boxed{x^2 - 9}", question=question).value == 1
    assert grade_math("x^2-9", r"\boxed{(x-3)(x+3)}").value == 1
    assert grade_math("4", r"\boxed{\sqrt{16}}", question=r"In 4 words, what is $\sqrt{16}$?").value == 0
    assert grade_math("\\sqrt{2}", r"\boxed{\sqrt2}", question=r"Which is larger, $\sqrt{2}$ or 1?").value == 1


BOMBS = [
    "9**9**9", "5^(5^(5^5))", r"\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)} - 4\right)} - 5}{16}", "9^{999999999}", "(" * 10_000 + "5" + ")" * 10_000,
    "{" * 10_000, r"\sqrt{" * 300 + "5" + "}" * 300, r"\frac{" * 200, r"\frac{1}{2} + " * 80_000, "x" * 1_000_000, "1" * 900, "-" * 900, "(x+1)^{64}" * 20, "((x+1)^9)^9",
    "1/" * 400 + "1", ",".join("12345678"), r"\pm " * 300 + "1", "2^{2^{2^{2^{2^{2}}}}}", "99999999999999999999!", r"\sqrt{99999999999999999999999999}", "±" * 1000, "5" + "\\" * 990,
]  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_refused_at_once_and_the_next_answer_is_graded_right(bomb):
    began = time.process_time()
    assert same_answer("5", bomb).value == 0
    assert grade_math("5", rf"<think>a</think><answer>{bomb}</answer>").value == 0
    assert grade_math("5", "<think>a</think><answer>5</answer>").value == 1
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "reply",
    ["\\boxed{" * 150_000, "\\boxed{5}" * 100_000, "<answer>" * 120_000, "{" * 1_000_000, "answer is " * 99_000],
)
def test_a_megabyte_of_a_reply_is_read_in_linear_time(reply):
    began = time.process_time()
    find_answer(reply)
    find_answer(reply, lenient=True)
    assert time.process_time() - began < 2


def test_a_grade_names_its_extractor_and_version():
    assert VERSION == "math/1"
    assert grade_math("1/2", "<answer>0.5</answer>").method == "answer tag, exact, strict math/1"
    assert grade_math("1/2", "it is 0.5", lenient=True).method == "last number, exact, lenient math/1"


def test_a_reply_cut_off_is_not_graded():
    problem = Problem("What is 2 + 3?", answer=5)
    rubric = Rubric((1.0, correct_math), (0.0, correct_math_lenient))
    texts = [r"<think>a</think> \boxed{5}", "<think>a</think> the answer is 5", r"\boxed{6}"]
    scores = rubric(problem, [Completion(text) for text in texts] + [Completion(texts[0], finish="length")])
    assert [score.total for score in scores] == [1.0, 0.0, 0.0, 0.0]
    assert [score.parts["correct_math_lenient"] for score in scores] == [1.0, 1.0, 0.0, 0.0]
    assert [score.reason for score in scores] == ["", "no answer", "wrong value", "cut off"]


def test_thinking_that_the_prompt_opened_is_thinking():
    problem = Problem("User: What is 2 + 3?\nAssistant:<think>\n", answer="5")
    grade = lambda text: correct_math(problem, [Completion(text)])[0]  # noqa: E731
    assert grade(r"so \boxed{5}") == (0.0, "no answer") and grade(r"so 5 </think> \boxed{5}") == (1.0, "")


def test_a_grader_that_failed_gives_none_and_is_asked_again(monkeypatch):
    def fail(*_):
        raise WorkerFailed("two workers were lost and lost")

    with monkeypatch.context() as patch:
        patch.setattr(reward.WORKERS, "equal", fail)
        grade = same_answer(r"\sqrt[3]{2}", r"\sqrt[3]{2} + \sin 0")
        assert grade.value is None and grade.reason == "grader failed: two workers were lost and lost"
    monkeypatch.setattr(reward.WORKERS, "equal", lambda *_: True)
    assert same_answer(r"\sqrt[3]{2}", r"\sqrt[3]{2} + \sin 0").value == 1


@pytest.mark.parametrize("gold", ["", "  ", "1" * 2000])
def test_a_gold_answer_that_cannot_be_used_names_the_problem(gold):
    with pytest.raises(DataError, match="gsm8k/7: the gold answer .* is empty or longer than 1000"):
        grade_math(gold, r"\boxed{5}", source="gsm8k/7")


def test_an_odd_gold_answer_still_equals_itself():
    for gold in (r"\frac{1}{2", "5 (", r"9^{9^{9^9}}", "两个", r"\text{see figure}"):
        assert same_answer(gold, gold).value == 1 or same_answer(gold, gold).reason


def test_spelling_keeps_what_means_something():
    assert spell(r"\left( \dfrac{1}{2},\, 15{,}625 \right)") == r"( \frac{1}{2}, 15625 )"
    assert spell("$5$") == "5" and spell("$5") == "¤5" and spell("1 000") == "1000" and spell("1 00") == "1 00"
    assert readings("6 1/5")[0].reading.value.rational() == Fraction(31, 5)
    with pytest.raises(TooComplex):
        evaluate("9^9^9")


@pytest.mark.parametrize(
    ("gold", "answer", "strictly"),
    [(r"-2 < x \le 7", "(-2, 7]", True), ("x > 2", r"(2, \infty)", True), (r"3 \ge x", r"(-\infty, 3]", True), ("(-2, 7]", r"-2 < x \le 7", False), (r"(2, \infty)", "2 < x", False)],
)  # fmt: skip
def test_an_interval_may_answer_an_inequality_but_an_inequality_may_be_the_question(gold, answer, strictly):
    assert (exactly(gold, answer) == "") is strictly
    assert exactly(gold, answer, Rules(EXACT.symbolic, lenient=True)) == ""
    assert exactly(gold, answer.replace("2", "1").replace("3", "4"), Rules(EXACT.symbolic, lenient=True)) != ""


@pytest.mark.parametrize(
    "text",
    [
        "The answer is **5**.",
        "So x = 5",
        "5 apples in all",
        "five",
        "about 5",
        "5.",
        r"\text{Total: } 5",
        "total = 5",
        "`5`",
    ],
)
def test_lenient_grading_takes_off_what_is_around_a_number(text):
    assert exactly("5", undressed(text)) == ""


def test_lenient_grading_keeps_what_changes_a_number():
    for text in ("5 or 6", "5 km", "5 million", "x=5 or x=6", "not 5"):
        assert exactly("5 apples", undressed(text), Rules(EXACT.symbolic, lenient=True)) != ""
