"""Benchmark files as tasks: rows of every kind are read, their own solutions earn full marks, and nothing is guessed."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import pytest

from aha.errors import DataError
from aha.sandbox.jail import best_level
from aha.tasks import benchmarks_code
from aha.tasks.benchmarks import BOXED, Wording, mathematical, mathematics, multiple_choice, programming, question_of
from aha.tasks.benchmarks_grade import chosen_letter, letter_of, mathematical_answer
from aha.tasks.benchmarks_rows import rows
from aha.types import Completion, Problem

DATA = Path(os.environ.get("AHA_DATA") or Path(__file__).parents[2] / "shared" / "data")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no benchmark files here: point AHA_DATA to a folder of them")
needs_jail = pytest.mark.skipif(best_level()[0] is None, reason="no jail holds here")


def written(path, *found):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in found))
    return path


ROWS = [
    ({"problem": "1/2 + 1/2?", "solution": r"It is \boxed{1}.", "level": "1"}, "1/2 + 1/2?", "1"),
    ({"problem": "Which?", "answer": r"\frac{1}{2}", "unique_id": "test/1"}, "Which?", r"\frac{1}{2}"),
    ({"question": "How many?", "answer": "1 + 1 = <<1+1=2>>2\n#### 1,002"}, "How many?", "1002"),
    ({"Body": "Ann has 3.", "Question": "And Bob?", "Answer": 145.0}, "Ann has 3. And Bob?", "145"),
    ({"input": "How many?", "target": 8.0}, "How many?", "8"),
]


@pytest.mark.parametrize(("row", "question", "gold"), ROWS)
def test_questions_and_answers_are_found_under_the_names_that_benchmarks_give_them(row, question, gold):
    problem = mathematical(row, "row 1", Wording(BOXED))
    assert (
        question_of(problem) == f"{question}\nPlease reason step by step, and put your final answer within \\boxed{{}}."
    )
    assert problem.answer["answer"] == gold


def test_worked_solutions_lose_the_calculator_marks_of_gsm8k():
    problem = mathematical(ROWS[2][0], "row 1", Wording(BOXED))
    assert problem.solution == r"<think>1 + 1 = 2</think><answer>\boxed{1002}</answer>"


@pytest.mark.parametrize("row", [{"question": "How many?"}, {"answer": "3"}, {"problem": "?", "solution": "by hand"}])
def test_a_row_without_question_or_answer_is_refused_by_name(tmp_path, row):
    with pytest.raises(DataError, match="row 1: no question or no answer"):
        mathematics("x", written(tmp_path / "x.jsonl", row), Wording(BOXED))


def test_files_of_every_kind_hold_the_same_rows(tmp_path):
    found = [{"question": "a", "answer": "1"}, {"question": "b", "answer": "2"}]
    written(tmp_path / "a.jsonl", *found)
    (tmp_path / "a.json").write_text(json.dumps(found))
    (tmp_path / "a.tsv").write_text("a\t1\nb\t2\n")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["question", "answer"], ["a", "1"], ["b", "2"]])
    for name in ("a.jsonl", "a.json", "a.tsv", "a.jsonl.gz", "a.csv"):
        assert list(rows(tmp_path / name)) == [(1, found[0]), (2, found[1])], name


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("a.jsonl", '{"a": 1}\n{', "row 2: not JSON"), ("a.jsonl", "[]", "row 1: not a record"), ("a.tsv", "a\tb\tc", "3 columns"),
     ("a.json", "{}", "no list"), ("a.jsonl", "", "no rows"), ("a.txt", "x", "no known kind"), ("a.jsonl.gz", "x", "cannot be read")],
)  # fmt: skip
def test_a_damaged_file_is_one_clear_line(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=says):
        list(rows(tmp_path / name))


FILES = ["aime24/test.jsonl", "math/test_dev.jsonl", "gsm8k/test_dev.jsonl", "svamp/test.jsonl", "mawps/multiarith.jsonl",
         "mgsm/mgsm_de.tsv", "mgsm/mgsm_zh.tsv"]  # fmt: skip


@needs_data
@pytest.mark.parametrize("file", FILES)
def test_the_right_answer_earns_full_marks_and_a_vote(file):
    task = mathematics("x", DATA / file, Wording(BOXED)).task
    for problem in task.test[:: max(1, len(task.test) // 30)]:
        told = [f"<think>\\boxed{{7}}?</think>\n\nSo it is $\\boxed{{{problem.answer['answer']}}}$.", problem.solution]
        for reply in [Completion(text) for text in told if text]:
            [score] = task.rubric(problem, [reply])
            assert score.parts == {"correct": 1, "correct_strict": 1, "formatted": 1}, (problem.id, score.reason)
            assert task.answer_of(problem, reply) is not None


def voting(text, finish="stop"):
    return mathematical_answer(Problem("x?", {"answer": "1"}), Completion(f"<think>hm</think>{text}", finish=finish))


@pytest.mark.parametrize(
    ("one", "other"),
    [(r"\boxed{1/2}", r"\boxed{0.5}"), (r"\boxed{\frac{\sqrt{2}}{2}}", r"\boxed{1/\sqrt{2}}"), (r"\boxed{x = 5}", r"\boxed{5}"),
     (r"\boxed{1, 2}", r"\boxed{2, 1}"), ("The answer is 18 dollars.", r"\boxed{18}"), (r"\boxed{\text{East}}", r"\boxed{east}")],
)  # fmt: skip
def test_answers_that_say_the_same_are_one_vote(one, other):
    assert voting(one) == voting(other) is not None


@pytest.mark.parametrize(
    ("one", "other"), [(r"\boxed{(1,2)}", r"\boxed{(2,1)}"), (r"\boxed{50\%}", r"\boxed{50}"), ("3", "4")]
)
def test_answers_that_differ_are_two_votes(one, other):
    assert voting(one) != voting(other)


def test_no_answer_and_a_cut_off_one_cast_no_vote():
    assert voting("I do not know.") is None and voting(r"\boxed{1}", finish="length") is None


GPQA = {
    "Question": "Which?",
    "Correct Answer": "right",
    "Incorrect Answer 1": "x",
    "Incorrect Answer 2": "y",
    "Incorrect Answer 3": "z",
}


def test_options_of_gpqa_are_in_an_order_that_the_question_decides(tmp_path):
    found = [GPQA | {"Question": f"Which is {i}?", "Record ID": f"r{i}"} for i in range(40)]
    with (tmp_path / "g.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    first, again = (multiple_choice("gpqa", tmp_path / "g.csv").task.test for _ in range(2))
    assert first == again and {problem.answer["letter"] for problem in first} == set("ABCD")
    for problem in first:
        assert f"\n{problem.answer['letter']}) right" in problem.prompt and "'Answer: $LETTER'" in problem.prompt
    assert first[3].id == "gpqa/r3"


LETTERS = [
    ("Answer: C", "C", "C"), ("I see.\n**Answer: C**", "C", "C"), ("answer: (c).", "C", "C"), (r"So \boxed{C}.", "C", "C"),
    ("<answer>C</answer>", "C", "C"), ("C", "C", "C"), ("The answer is C because it fits.", "C", None),
    ("A is wrong. Answer: B\nNo:\nAnswer: C", "C", "C"), (r"\boxed{\text{C}}", "C", "C"), ("The answer is a bit of C", None, None),
    ("It may be A, B, C or D.", None, None), ("", None, None), ("The answer I like is long.", None, None), (r"\boxed{7}", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lenient", "strict"), LETTERS)
def test_a_letter_is_read_where_it_stands_and_never_guessed(text, lenient, strict):
    reply, problem = Completion(f"<think>Answer: A</think>\n{text}"), Problem("Which?", {"letter": "C"})
    assert letter_of(problem, reply)[0] == chosen_letter(problem, reply) == lenient
    assert letter_of(problem, reply, lenient=False)[0] == strict


@pytest.mark.parametrize(
    "row", [{"question": "?"}, {"question": "?", "options": ["a", "b"], "answer": "C"}, {"options": ["a"], "answer": 0}]
)
def test_a_row_without_options_or_with_a_letter_too_far_is_refused(tmp_path, row):
    with pytest.raises(DataError, match="row 1: needs `question`, `options`"):
        multiple_choice("x", written(tmp_path / "x.jsonl", row))


def test_training_rows_never_hold_a_test_question(tmp_path):
    asked = [{"question": "What is 1 + 1?", "answer": "2"}]
    given = [{"question": f"What is {i} +   {i}?", "answer": str(2 * i)} for i in range(1, 6)]
    task = mathematics(
        "x", written(tmp_path / "a.jsonl", *asked), Wording(BOXED), written(tmp_path / "b.jsonl", *given)
    ).task
    drawn = task.draw(20, 0)
    assert len({problem.prompt for problem in drawn}) == 4 and drawn == task.draw(20, 0) != task.draw(20, 1)
    assert not any("1 + 1" in " ".join(problem.prompt.split()) for problem in drawn)
    with pytest.raises(DataError, match="no training problems"):
        mathematics("x", tmp_path / "a.jsonl", Wording(BOXED)).task.draw(1, 0)


def live(day, **changes):
    tests = json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}])
    return {
        "question_content": "Double it.",
        "public_test_cases": tests,
        "contest_date": f"{day}T00:00:00",
        "question_id": day,
    } | changes


def contest(**changes):
    tests = [{"input": "2\n", "output": "4\n"}]
    return {"id": "1/A", "description": "Double it.", "official_tests": tests, "official_tests_complete": True, "rating": 800,
            "time_limit": 1.0, "memory_limit": 256.0, "examples": tests, "generated_checker": None, "input_mode": "stdio"} | changes  # fmt: skip


def test_livecodebench_keeps_to_its_window_and_its_limit_of_six_seconds(tmp_path):
    file = written(tmp_path / "l.jsonl", *map(live, ["2024-07-31", "2024-08-01", "2025-01-31", "2025-02-01"]))
    found, left_out = benchmarks_code.read_programs(file, None, ("2024-08-01", "2025-01-31"))
    assert [problem.id for problem in found] == ["2024-08-01", "2025-01-31"] and not left_out
    assert found[0].answer["tests"].limits.wall == 6 and "Read the inputs from stdin" in found[0].prompt
    with pytest.raises(DataError, match="no usable row between 2026-01-01"):
        benchmarks_code.read_programs(file, None, ("2026-01-01", "2026-02-01"))
    with pytest.raises(DataError, match="row 1: no `contest_date`"):
        benchmarks_code.read_programs(
            written(file, live("2024-08-01", contest_date="soon")), None, ("2024-08-01", "2025-01-31")
        )


def test_contests_that_need_a_checker_are_left_out_and_told(tmp_path):
    file = written(
        tmp_path / "c.jsonl", contest(), contest(generated_checker="def check(): ..."), contest(official_tests_complete=False),
        contest(input_mode="file"),
    )  # fmt: skip
    found, left_out = benchmarks_code.read_programs(file, None)
    assert len(found) == 1 and len(left_out) == 3 and "row 2: several answers are right" in left_out[0]
    assert found[0].answer["rating"] == 800 and "Sample input\n2" in found[0].prompt


@needs_jail
def test_programs_are_read_after_the_thinking_with_or_without_tags(tmp_path):
    task = programming("live", written(tmp_path / "l.jsonl", live("2024-08-01"))).task
    right, wrong = "```python\nprint(2 * int(input()))\n```", "```python\nprint(5)\n```"
    texts = [right, f"<think>{wrong}</think>\n{right}", f"<think>x</think><answer>{right}</answer>", f"<think>{right}</think>\n{wrong}",
             f"<think>{right}", "<think></think>print(4)"]  # fmt: skip
    scores = task.rubric(task.test[0], [Completion(text) for text in texts])
    assert [score.parts["correct"] for score in scores] == [1, 1, 1, 0, 0, 0]
    assert task.answer_of(task.test[0], Completion(texts[1])) == task.answer_of(task.test[0], Completion(texts[2]))
    cut = task.rubric(task.test[0], [Completion(texts[1], finish="length")])[0]
    assert cut.parts["correct"] == 0 and cut.reason == "cut off"


@needs_data
@needs_jail
def test_solutions_of_humaneval_pass_its_tests(tmp_path):
    kept = gzip.decompress((DATA / "humaneval" / "HumanEval.jsonl.gz").read_bytes()).split(b"\n")[:6]
    (tmp_path / "h.jsonl").write_bytes(b"\n".join(kept))
    found = programming("humaneval", tmp_path / "h.jsonl")
    assert len(found.task.test) == 6 and not found.left_out
    for problem in found.task.test:
        [score] = found.task.rubric(problem, [Completion(problem.solution)])
        assert score.total == 1, (problem.id, score.reason)
