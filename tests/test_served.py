"""Models behind a URL in the recipe: one that rewrites, one that judges, and a teacher whose distributions are learnt."""

from __future__ import annotations

import json

import pytest

from aha.chat import Reply
from aha.errors import ConfigError
from aha.models.folder import resolve
from aha.pipeline import work
from aha.pipeline.collect import write_rows
from aha.pipeline.filters import wrong
from aha.pipeline.recipe_r1 import R1, Served, Student
from aha.pipeline.runner import Runner, Stage
from aha.tables import read_jsonl
from aha.types import Completion
from tests.test_collect import PUZZLE
from tests.test_http_engine import serving
from tests.toys import quiet_screen

BETTER = "<think>I try the larger two first.\n44 + 19 = 63, 63 + 35 = 98 yes</think><answer>Add all three.\n44 + 19 + 35</answer>"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def says(text):
    answer = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    return lambda body, handler: (200, answer, {})


def test_a_served_model_rewrites_what_the_cold_start_keeps():
    with serving(says(BETTER)) as (url, seen):
        refine = work.refining(R1(refiner=Served(url=url, model="big")))
        [reply] = refine([(PUZZLE, Reply("44 + 19 = 63, 63 + 35 = 98 yes", "44 + 19 + 35"))])
    assert reply is not None and reply.conclusion == "44 + 19 + 35" and reply.thinking.startswith("I try")
    asked = seen[0][1]["messages"][0]["content"]
    assert "44, 19, 35" in asked and "63 + 35 = 98 yes" in asked and seen[0][1]["model"] == "big"


def test_a_served_judge_grades_general_prompts_and_rules_grade_the_others():
    reply = Completion("<think></think><answer>It says so.</answer>")
    with serving(says(json.dumps({"analysis": "No.", "verdict": "incorrect"}))) as (url, seen):
        settings = R1(judge=Served(url=url, model="big"))
        task = work.judged(settings, settings.judge)
        problems = task.draw(40, 0)
        general = next(p for p in problems if p.id.startswith("general/"))
        [judged] = task.rubric(general, [reply])
        calls = len(seen)
        [ruled] = task.rubric(next(p for p in problems if p.id.startswith("arithmetic/")), [reply])
    assert 10 < sum(p.id.startswith("general/") for p in problems) < 30  # a half
    assert wrong(judged) == "judged wrong" and calls > 0 and len(seen) == calls and wrong(ruled)


def test_a_judge_that_cannot_be_understood_is_no_verdict():
    with serving(says("I like it")) as (url, _):
        settings = R1(judge=Served(url=url, model="big"))
        task = work.judged(settings, settings.judge)
        general = next(p for p in task.draw(40, 0) if p.id.startswith("general/"))
        [score] = task.rubric(general, [Completion("<think></think><answer>It says so.</answer>")])
    assert score.total is None and wrong(score) == "grader failed"


@pytest.mark.slow
def test_a_student_comes_closer_to_its_teachers_distributions_where_the_recipe_says_so(tmp_path):
    rows = [{"prompt": PUZZLE.prompt, "reply": BETTER}] * 8
    write_rows(tmp_path / "data.jsonl", rows)
    settings = R1(distill=Student(epochs=2, examples=4, logits=0.9), dtype="fp32", out=str(tmp_path / "run"))
    with Runner(settings.folder, settings, quiet_screen()) as run:
        data = Stage("data", tmp_path, "digest", {})
        student, teacher = (run.given(name, resolve(name)) for name in ("mini-llama", "tiny"))
        stage = work.distill(run, settings, student, data, teacher)
    kl = [row["kl"] for row in read_jsonl(stage.folder / "metrics.jsonl")]
    assert stage.record["inputs"]["teacher"]["stage"] == "tiny" and len(kl) == 4 and kl[-1] < kl[0]


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="looks like http"):
        work.refining(R1(refiner=Served(url="localhost", model="big")))
