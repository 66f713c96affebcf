"""The report on routing: bills, savings and regret worked out by hand on a model that knows facts and must think to add."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from aha.chat import render
from aha.errors import DataError, RunError
from aha.evaluation import route_page
from aha.evaluation.route_exams import Exam, bare, exams, web_questions
from aha.evaluation.route_report import Settings, measure
from aha.rewards.rubric import Rubric, each
from aha.search.simple import Simple
from aha.tools.scale import route
from aha.types import Completion, Problem
from tests.search_toys import Scripted, toy_task
from tests.toys import toy_chat

SIMPLE = [f"What is the capital of land {letter}?" for letter in "abcdefgh"]
HARD = [f"What is {n} + {n + 1} + 3?" for n in range(8)]
DIRECT = {True: "yes</answer><|end|>", False: "no</answer><|end|>"}
THOUGHT = "<think>1 2 3</think><answer>yes</answer><|end|>"


def script(prompt: str, sample: int, seed: int) -> str:
    if not prompt.replace("\n", "").endswith("<think></think><answer>"):
        return THOUGHT
    if "+" in prompt and sample % 2:
        return "make</answer><|end|>"  # on sums it is not even sure
    return DIRECT["+" not in prompt]


@each
def correct(problem, completion):
    return completion.text.endswith("<answer>yes</answer>")


def asked(rubric=correct) -> list[Exam]:
    found = []
    for name, simple, questions in (("facts", True, SIMPLE), ("sums", False, HARD)):
        task = replace(toy_task()[0], rubric=Rubric((1.0, rubric)))
        problems = [Problem(render(question), id=f"{name}/{i}") for i, question in enumerate(questions)]
        found.append(Exam(name, simple, task, problems))
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("route")
    return folder, *measure(Scripted(script), asked(), Settings(max_tokens=40, glances=2), folder, "toy")


def tokens(text: str) -> int:
    return len(toy_chat().encode(text))


def rule(record, part: str, name: str):
    rules = next(p["rules"] for p in record["parts"] if p["name"] == part)
    return next(r for r in rules if r["rule"] == name)


def test_parts_are_simple_hard_all_and_each_kind(ran):
    _, record, _ = ran
    assert [p["name"] for p in record["parts"]] == ["simple", "hard", "all", "facts", "sums"]
    assert record["questions"] == 16 and record["failed"] == 0


def test_always_answering_at_once_and_always_thinking_are_the_two_ends(ran):
    _, record, _ = ran
    direct, think = rule(record, "all", "always direct"), rule(record, "all", "always think")
    assert direct["mean"] == 0.5 and think["mean"] == 1.0 and direct["regret"]["mean"] == 0.5
    assert direct["tokens"] == (tokens(DIRECT[True]) + tokens(DIRECT[False])) / 2 and think["tokens"] == tokens(THOUGHT)
    assert think["saved"] == 0.0 and think["thought"] == 1.0 and direct["thought"] == 0.0
    assert direct["saved"] == pytest.approx(1 - direct["tokens"] / think["tokens"])


def test_the_oracle_thinks_only_where_thinking_alone_is_right(ran):
    _, record, _ = ran
    found = rule(record, "all", "oracle")
    assert found["mean"] == 1.0 and found["thought"] == 0.5 and found["regret"] is None
    assert found["tokens"] == (tokens(DIRECT[True]) + tokens(THOUGHT)) / 2


def test_by_rule_a_hard_question_pays_for_one_answer_only(ran):
    _, record, _ = ran
    found = rule(record, "all", "by rule")
    assert found["regret"]["mean"] == 0.0 and rule(record, "all", "always think")["over_think"] is None
    assert found | {"regret": None} == rule(record, "all", "oracle") | {"rule": "by rule"}
    assert rule(record, "simple", "by rule")["thought"] == 0.0 and rule(record, "hard", "by rule")["thought"] == 1.0


def test_by_agreement_the_glances_are_paid_for_everywhere(ran):
    _, record, _ = ran
    strict, lenient = rule(record, "hard", "by agreement 1"), rule(record, "hard", "by agreement 0.5")
    glances = tokens(DIRECT[False]) + tokens("make</answer><|end|>")
    assert strict["mean"] == strict["thought"] == 1.0 and strict["tokens"] == glances + tokens(THOUGHT)
    assert lenient["mean"] == lenient["thought"] == 0.0 and lenient["tokens"] == glances
    assert strict["regret_tokens"] == glances and lenient["regret"]["mean"] == 1.0
    assert rule(record, "simple", "by agreement 1")["tokens"] == 2 * tokens(DIRECT[True])


def test_the_classifier_tells_sums_from_facts_it_has_not_seen(ran):
    _, record, model = ran
    found = rule(record, "all", "by classifier 0.4")
    assert found["mean"] == 1.0 and found["thought"] == 0.5
    assert found["tokens"] == rule(record, "all", "oracle")["tokens"] + tokens(DIRECT[False]) / 2
    assert isinstance(model, Simple)


def test_nothing_is_drawn_twice_and_a_failed_grader_takes_its_question_out(ran):
    folder, record, _ = ran
    engine = Scripted(script)
    assert measure(engine, asked(), Settings(max_tokens=40, glances=2), folder, "toy")[0] == record
    assert engine.calls == []

    @each
    def correct(problem, completion):
        return None if problem.id == "sums/3" else completion.text.endswith("<answer>yes</answer>")

    partial, _ = measure(engine, asked(correct), Settings(max_tokens=40, glances=2), folder, "toy")
    assert partial["questions"] == 15 and partial["failed"] == 1 and engine.calls == []


def test_with_no_grade_at_all_there_is_nothing_to_report(ran):
    folder, _, _ = ran

    @each
    def correct(problem, completion):
        return None

    with pytest.raises(RunError, match="too few graded questions"):
        measure(Scripted(script), asked(correct), Settings(max_tokens=40, glances=2), folder, "toy")


def test_the_page_shows_every_rule_and_the_classifier_can_be_used(ran, tmp_path):
    _, record, model = ran
    page = route_page.write(tmp_path, {"model": "<script>", "dtype": "fp32"} | record, model).read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and page.count("<svg") == 3
    assert json.loads((tmp_path / "results.json").read_text())["questions"] == 16
    text = (tmp_path / "route.md").read_text()
    for one in record["parts"][0]["rules"]:
        assert f"| {one['rule']} |" in text
    assert Simple.load(tmp_path / "classifier.json") == model


def test_the_embedded_world_has_simple_and_hard_questions():
    found = exams(6, numbers=(3,))
    assert [(exam.name, exam.simple) for exam in found] == [
        ("facts", True), ("countdown, 3 numbers", False), ("arithmetic", False),
    ]  # fmt: skip
    assert all(len(exam.problems) == 6 for exam in found)
    [score] = found[0].task.rubric(found[0].problems[0], [Completion(found[0].problems[0].solution)])
    assert score.parts["correct"] == 1.0


def test_short_answers_are_compared_bare(tmp_path):
    assert bare("The  Bahamian-Dollar. ") == "bahamian dollar" and bare("São Paulo") == "sao paulo"
    file = tmp_path / "webquestions" / "val.json"
    file.parent.mkdir()
    file.write_text(json.dumps([{"qId": "w1", "qText": "which money?", "answers": ["Bahamian dollar", "!"]}]))
    task = web_questions(file)
    replies = [Completion(f"<think></think><answer>{text}</answer>") for text in ("the Bahamian Dollar", "dollar", "!")]
    assert [score.parts["correct"] for score in task.rubric(task.test[0], replies)] == [1.0, 0.0, 0.0]
    assert [task.answer_of(task.test[0], reply) for reply in replies] == ["bahamian dollar", "dollar", None]
    assert [exam.name for exam in exams(1, tmp_path, numbers=())][:2] == ["facts", "webquestions"]
    file.write_text('[{"question": 1}]')
    with pytest.raises(DataError, match="val.json"):
        web_questions(file)
    with pytest.raises(DataError, match="holds neither"):
        exams(1, tmp_path / "webquestions")


def test_real_files_are_simple_questions():
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data folder is not here")
    found = {exam.name: exam for exam in exams(5, folder, numbers=())}
    assert found["webquestions"].simple and found["mawps"].simple and len(found["mawps"].problems) == 5
    for problem in found["mawps"].problems:
        reply = Completion(f"<think></think><answer>{problem.answer['answer']}</answer>")
        assert found["mawps"].task.rubric(problem, [reply])[0].parts["correct"] == 1.0


@pytest.mark.slow
def test_on_the_embedded_model_as_a_user_calls_it(tmp_path):
    app = typer.Typer()
    app.command()(route)
    words = ["tiny", "--questions", "4", "--max-tokens", "96", "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    assert "by classifier 0.1" in first.output and (tmp_path / "out" / "classifier.json").is_file()
    assert CliRunner().invoke(app, words).output == first.output
    third = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(third.stdout)["page"].endswith("route.html") and "answered at once" in third.stderr
