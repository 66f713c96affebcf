"""Presets: what they fix, what they ask of a user, and examples that are never test questions."""

from __future__ import annotations

import json

import pytest

from aha.chat import END
from aha.errors import ConfigError, DataError
from aha.evaluation.presets import PRESETS, Source, preset
from aha.evaluation.shots import examples, with_shots
from aha.rewards.judge_prompts import question_of
from aha.tasks.arithmetic import arithmetic
from aha.tasks.benchmarks import BOXED, Wording, mathematics

R1 = [one for one in PRESETS if one.name.startswith("r1/")]
PAPER = {"r1/aime24": 64, "r1/gpqa": 64, "r1/math500": 16, "r1/livecodebench": 8, "r1/codeforces": 16}


def test_the_protocol_of_the_paper_is_fixed():
    assert {"r1/gsm8k", "r1/humaneval", "r1/mbpp", "r1/mgsm", "r1/svamp", "r1/multiarith", "r1/countdown"} < {
        one.name for one in R1
    }
    for one in R1:
        assert (one.sampling.temperature, one.sampling.top_p, one.sampling.stop) == (0.6, 0.95, ()), one.name
        assert one.sampling.max_tokens == (1024 if one.name == "r1/countdown" else 32_768)
        assert one.sampling.n == PAPER.get(one.name, one.sampling.n) and one.extractor.count("/") >= 1


def test_a_wrong_name_lists_them_all():
    with pytest.raises(ConfigError, match="did you mean 'r1/aime24'.*r1/gpqa.*countdown"):
        preset("r1/aime25")


@pytest.mark.parametrize("one", [one for one in R1 if one.name != "r1/countdown"], ids=lambda one: one.name)
def test_without_its_file_a_preset_says_in_one_line_where_to_get_it(one, monkeypatch):
    monkeypatch.delenv("AHA_DATA", raising=False)
    with pytest.raises(DataError, match="--data FILE") as told:
        one.source(Source())
    assert one.get in str(told.value) and "\n" not in str(told.value)


def test_a_folder_of_benchmarks_is_looked_through_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("AHA_DATA", str(tmp_path))
    with pytest.raises(DataError, match="holds none of aime24.jsonl"):
        preset("r1/aime24").source(Source())
    (tmp_path / "aime24").mkdir()
    (tmp_path / "aime24" / "test.jsonl").write_text(json.dumps({"problem": "1 + 1?", "answer": "2"}))
    found = preset("r1/aime24").source(Source())
    assert preset("r1/aime24").build(found).task.test[0].answer["answer"] == "2"


@pytest.mark.parametrize("name", ["arithmetic", "programs", "choice", "general", "countdown"])
def test_the_tasks_of_the_embedded_world_need_no_file_and_solve_themselves(name):
    from aha.types import Completion

    benchmark = preset(name).build(preset(name).source(Source(questions=12)))
    assert 0 < len(benchmark.task.test) <= 12 and not benchmark.asked
    if name != "programs":  # which need a jail
        for problem in benchmark.task.test:
            assert benchmark.task.rubric(problem, [Completion(problem.solution)])[0].parts["correct"] == 1


def test_a_server_gets_the_question_without_our_template_and_is_told_the_tags():
    benchmark = preset("arithmetic").build(Source(plain=True, questions=3))
    assert all("User:" not in problem.prompt and "<answer>" in problem.prompt for problem in benchmark.asked)
    assert [
        question_of(problem) in asked.prompt
        for problem, asked in zip(benchmark.task.test, benchmark.asked, strict=True)
    ] == [True] * 3


def test_mgsm_takes_its_language_from_the_files_name(tmp_path):
    for name, language in (("mgsm_de.tsv", "de"), ("mgsm_sw.tsv", "sw")):
        (tmp_path / name).write_text("Wie viel ist 1 + 1?\t2\n")
        assert preset("r1/mgsm").build(Source(tmp_path / name)).task.test[0].answer["language"] == language


def test_examples_are_solved_training_problems_and_the_same_for_every_question():
    task = arithmetic(["en"], test_count=20)
    shown = examples(task, task.test, 4, seed=0)
    asked = {question_of(problem) for problem in task.test}
    assert len(shown) == 4 and not {question_of(problem) for problem in shown} & asked
    prompts = [problem.prompt for problem in with_shots(task.test, shown, plain=False)]
    heads = {prompt.removesuffix(problem.prompt) for prompt, problem in zip(prompts, task.test, strict=True)}
    [head] = heads
    assert head.count("User: ") == head.count(END) == 4 and all(shot.solution in head for shot in shown)


def test_without_examples_nothing_changes_and_with_too_few_it_is_said():
    task = arithmetic(["en"], test_count=5)
    assert with_shots(task.test, [], plain=False) == task.test
    with pytest.raises(DataError, match="no training problems"):
        examples(_boxed_task([{"question": "?", "answer": "1"}], None), [], 2, 0)


def test_a_test_question_among_the_training_rows_is_never_shown(tmp_path):
    asked = [{"question": f"What is {i}?", "answer": f"{i}\n#### {i}"} for i in range(3)]
    task = _boxed_task(asked, [*asked, {"question": "What is 9?", "answer": "Nine.\n#### 9"}], tmp_path)
    [shown] = examples(task, task.test, 1, 0)
    assert question_of(shown).startswith("What is 9?")
    with pytest.raises(DataError, match="1 solved training problems where 2"):
        examples(task, task.test, 2, 0)


def _boxed_task(asked, given, folder=None):
    import tempfile
    from pathlib import Path

    folder = folder or Path(tempfile.mkdtemp())
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, asked)))
    if given:
        (folder / "train.jsonl").write_text("\n".join(map(json.dumps, given)))
    return mathematics("x", folder / "test.jsonl", Wording(BOXED), folder / "train.jsonl" if given else None).task


def test_shots_for_a_server_are_text():
    shown = [p for p in arithmetic(["en"], test_count=1).draw(2, 0)]
    [prompt] = [
        p.prompt
        for p in with_shots(preset("arithmetic").build(Source(plain=True, questions=1)).asked, shown, plain=True)
    ]
    assert prompt.count("Question: ") == 3 and "User:" not in prompt and prompt.endswith("\nAnswer:")
