"""A model and data of one's own: traces from solutions, searches or a file, exams that are never learnt, a verdict."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from aha.errors import DataError
from aha.pipeline import tune_work
from aha.pipeline.recipe_tune import Tune
from aha.pipeline.runner import read_stages
from aha.pipeline.tune import tune
from aha.pipeline.tune_work import Questions
from aha.report import write_report
from aha.tables import read_jsonl
from aha.types import Problem
from tests.toys import quiet_screen


def lines(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def apples(count, first=0):
    """Word problems whose solutions are GSM8K's in form."""
    return [
        {"question": f"Ann has {i} apples and number {i * 7} of the list adds {i + 1} to each of them. How many?",
         "answer": f"{i} + {i + 1} = <<{i}+{i + 1}={2 * i + 1}>>{2 * i + 1}\n#### {2 * i + 1}"}
        for i in range(first, first + count)
    ]  # fmt: skip


def settings(folder, **changes):
    train, test = (lines(folder / f"{name}.jsonl", apples(12, first)) for name, first in (("a", 0), ("b", 50)))
    told = {
        "base": "tiny", "out": str(folder / "run"), "dtype": "fp32", "threads": 1,
        "data": {"train": train, "test": train, "kind": "number", "wording": "{question}"},
        "sft": {"epochs": 1, "examples": 4},
        "rl": {"steps": 1, "grpo": {"problems": 2, "group": 2, "max_tokens": 8},
               "evaluate": {"questions": 2, "samples": 1, "final_questions": 2, "final_samples": 1}},
        "exams": {"data": [test], "questions": 4, "samples": 1, "max_tokens": 8},
    }  # fmt: skip
    told["data"]["test"] = test
    return Tune.model_validate(told | changes)


def learnt(s, reasons=None):
    questions = Questions(s)
    return list(tune_work._of_data(s, questions.loaded.task, reasons if reasons is not None else Counter()))


def test_solutions_of_the_data_become_replies_in_the_template_without_the_box(tmp_path):
    example = next(e for e in learnt(settings(tmp_path)) if "Ann has 3 apples" in e.prompt)
    assert example.prompt.startswith("User: Ann has 3") and example.prompt.endswith("How many?\nAssistant:")
    assert example.reply == "<think>3 + 4 = 7</think><answer>7</answer>"


def test_of_puzzles_whole_searches_are_learnt_and_those_not_found_are_counted(tmp_path):
    rows = [{"nums": [44, 19, 35], "target": 98}, {"nums": [1, 1, 1], "target": 77}, {"nums": [6, 7, 3], "target": 39}]
    file = lines(tmp_path / "puzzles.jsonl", rows)
    s = settings(
        tmp_path, data={"train": file, "test": lines(tmp_path / "other.jsonl", [{"nums": [5, 5, 2], "target": 20}])}
    )
    reasons: Counter[str] = Counter()
    replies = {e.reply.partition("<answer>")[2] for e in learnt(s, reasons)}
    assert any("44" in reply for reply in replies) and reasons == {"not solved within walks.branches": reasons.total()}
    assert reasons.total()


def test_a_question_of_an_exam_is_never_learnt(tmp_path):
    exam = lines(tmp_path / "exam.jsonl", apples(3))
    s = settings(tmp_path)
    met = settings(tmp_path, exams={"data": [exam], "questions": 3})
    assert {e.id for e in learnt(s)} - {e.id for e in learnt(met)} and not {e.prompt for e in learnt(met)} & {
        p.prompt for _, task in Questions(met).exams for p in task.test
    }


def test_a_file_of_replies_takes_the_wording_of_the_data_and_names_a_row_that_is_none(tmp_path):
    good = {"prompt": "What is 1 + 1?", "reply": "<think>1 + 1 = 2</think><answer>2</answer>"}
    s = settings(tmp_path)
    [example] = tune_work._of_file(tmp_path.joinpath(lines(tmp_path / "t.jsonl", [good])), Questions(s))
    assert (example.prompt, example.reply) == ("User: What is 1 + 1?\nAssistant:", good["reply"])
    bad = tmp_path.joinpath(lines(tmp_path / "t.jsonl", [good, good | {"reply": "2"}]))
    with pytest.raises(DataError, match="row 2: a record needs a prompt and a reply of the form"):
        list(tune_work._of_file(bad, Questions(s)))


def test_data_without_solutions_ask_for_a_file(tmp_path):
    bare = lines(tmp_path / "bare.jsonl", [row | {"answer": str(i)} for i, row in enumerate(apples(6))])
    s = settings(tmp_path, data={"train": bare, "test": lines(tmp_path / "t.jsonl", apples(2, 90)), "kind": "number"})
    with pytest.raises(DataError, match="has no worked solutions; give a file of replies under traces.file"):
        tune(s, quiet_screen())


def test_a_reply_of_no_solution_is_not_made_up():
    assert tune_work.unboxed(Problem("User: 1?\nAssistant:", {"answer": "1"})) is None


@pytest.mark.slow
def test_the_whole_recipe_teaches_reinforces_measures_and_is_not_run_again(tmp_path):
    s = settings(tmp_path)
    folder = tune(s, quiet_screen())
    stages = {stage.name: stage for stage in read_stages(folder)}
    assert list(stages) == ["traces", "taught", "tuned", "exam-base", "exam-taught", "exam-tuned", "verdict"]
    assert len(read_jsonl(stages["traces"].data)) == 12
    assert stages["taught"].record["trained_tokens"] > 100
    assert any("tuned against base: pass@1" in line for line in stages["verdict"].record["lines"])
    began = [stage.record["began"] for stage in stages.values()]
    tune(s, quiet_screen())
    assert [stage.record["began"] for stage in read_stages(folder)] == began
    report = write_report(folder).read_text()
    assert "Both steps" in report and "nothing to compare" not in report and "Beside the paper" not in report
