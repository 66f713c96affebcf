"""`aha solve` as a user calls it, on the embedded model; and what is shown of hostile text."""

from __future__ import annotations

import json
from io import StringIO

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from aha.chat import render
from aha.errors import AhaError, ConfigError, ModelError
from aha.models.process_scorer import ProcessScorer
from aha.models.scorer import Scorer, ScoringModel
from aha.search.types import Candidate, Cost, Solved
from aha.tasks.asked import asked
from aha.tools.solve import load_scorers, record, solve
from aha.tools.solve_screen import LINES, SolveScreen, described
from aha.types import Completion
from tests.toys import toy_chat, toy_model

QUESTION = "Using the numbers 12, 5, make 17."
app = typer.Typer()
app.command()(solve)


def run(*words: str):
    return CliRunner().invoke(app, ["tiny", *words])


@pytest.mark.slow
def test_a_question_is_answered_with_votes_and_a_bill():
    found = run(QUESTION, "--strategy", "vote:16", "--budget", "4000")
    assert found.exit_code == 0, found.output
    assert found.output.count("reply ") == 16
    for word in ("answer", "votes", "cost", "tokens drawn of 4000"):
        assert word in found.output
    assert "right" in found.output or "wrong" in found.output


def test_the_same_as_json_stays_within_the_budget():
    told = json.loads(run(QUESTION, "--strategy", "vote:16", "--budget", "100", "--json").output)
    again = json.loads(run(QUESTION, "--strategy", "vote:16", "--budget", "100", "--json").output)
    assert 0 < told["cost"]["tokens"] <= 100 and told["candidates"] == 16 and told["right"] in (True, False, None)
    assert told | {"cost": None} == again | {"cost": None}


@pytest.mark.parametrize(
    "strategy", ["steps:60", "budget:40,floor=40,wait=wait", "revise:2", "hidden:2", "bon:4,by=likelihood"]
)
def test_other_strategies_run_on_the_embedded_model(strategy):
    told = json.loads(run("用数字 12, 5 算出 17。", "--strategy", strategy, "--json").output)
    assert told["cost"]["tokens"] > 0 and told["cost"]["flops"] > 0 and told["candidates"] > 0


def test_beam_search_goes_by_the_reward_model_of_a_folder(tmp_path):
    ProcessScorer.from_base(load_folder()).save(tmp_path)
    told = json.loads(run(QUESTION, "--strategy", "beam:4", "--scorer", str(tmp_path), "--json").output)
    assert told["cost"]["scorer_tokens"] > 0 and told["candidates"] > 0


def load_folder():
    from aha.models.folder import resolve

    return resolve("tiny")


@pytest.mark.parametrize(("length", "says"), [(3_000, "the question has "), (100_000, "the question has at least ")])
def test_a_question_that_leaves_no_room_is_refused_at_once(length, says):
    found = run("What is 1 + 2 ? " * (length // 10), "--strategy", "vote:2")
    assert isinstance(found.exception, AhaError) and str(found.exception).startswith(says)
    assert "reads 2048" in str(found.exception)


def test_all_strategies_are_listed_with_what_they_are():
    told = run(QUESTION, "--strategy", "help").output
    assert "vote       the majority of n replies" in told and "mcts" in told


def test_mistakes_are_told_before_a_model_is_loaded():
    assert isinstance(run(QUESTION, "--strategy", "vot:16").exception, ConfigError)
    assert "empty" in str(run("  ").exception) and run(QUESTION, "--budget", "0").exit_code == 2
    assert "--dtype" in str(run(QUESTION, "--dtype", "fp8").exception)
    assert isinstance(CliRunner().invoke(app, ["no such folder", "hello"]).exception, ModelError)


def test_a_reward_model_of_either_kind_is_found_in_its_folder(tmp_path):
    Scorer(ScoringModel(toy_model()), toy_chat()).save(tmp_path / "outcome")
    ProcessScorer(ScoringModel(toy_model()), toy_chat()).save(tmp_path / "process")
    assert isinstance(load_scorers(tmp_path / "outcome").outcome, Scorer)
    assert isinstance(load_scorers(tmp_path / "process").process, ProcessScorer)
    assert load_scorers(None).outcome is None
    with pytest.raises(ModelError, match="no reward model"):
        load_scorers(tmp_path)


@pytest.mark.parametrize(
    ("question", "numbers", "target"),
    [
        ("Using the numbers 44, 19, 35, make 98.", [44, 19, 35], 98), ("用数字 44, 19, 35 算出 98。", [44, 19, 35], 98),
        (" Using the numbers 1,2, make -1", [1, 2], -1),
    ],
)  # fmt: skip
def test_a_countdown_question_can_be_checked(question, numbers, target):
    task, problem = asked(question, render(question))
    assert task.name == "countdown" and problem.answer == {"numbers": numbers, "target": target}
    reply = Completion(f"<think></think><answer>{'44 + 19 + 35' if target == 98 else '1 - 2'}</answer>")
    candidate = Candidate(reply, task.answer_of(problem, reply))
    told = record(task, Solved(problem, candidate.answer, candidate, (candidate,), Cost(), {candidate.answer: 1.0}))
    assert told["right"] is True and told["votes"] == {str(target): 1.0}


@pytest.mark.parametrize(
    "question", ["What is 2 + 2?", "Using the numbers 4, make 4.", "Using the numbers " + "9" * 400]
)
def test_any_other_text_is_asked_and_not_checked(question):
    task, problem = asked(question, render(question))
    reply = Completion("<think></think><answer>so\n 4 </answer>")
    candidate = Candidate(reply, task.answer_of(problem, reply))
    assert task.name == "question" and candidate.answer == 4 and question in problem.prompt
    assert record(task, Solved(problem, 4, candidate, (candidate,), Cost(), {4: 1.0}))["right"] is None
    assert task.answer_of(problem, Completion("<think></think><answer>4</answer>", finish="length")) is None


HOSTILE = "<answer>[red]x[/red][/]\x1b[2Jsecret\u202e\n\n</answer>"


@pytest.mark.parametrize("terminal", [True, False])
def test_hostile_text_is_shown_as_it_is_and_does_nothing(terminal):
    out = StringIO()
    with SolveScreen("vote:2", Console(file=out, force_terminal=terminal, width=90, color_system=None)) as screen:
        screen.watch({"problem": 0, "kind": "reply", "text": HOSTILE, "answer": HOSTILE, "tokens": 3})
        screen.watch({"problem": 0, "kind": "step", "text": HOSTILE, "score": 0.5})
        screen.watch({"problem": 0, "kind": "odd", HOSTILE: 1})
    cost = {"tokens": 3, "prompt_tokens": 9, "scorer_tokens": 0, "passes": 3, "flops": 1.0, "seconds": 0.1}
    found = {
        "answer": HOSTILE,
        "right": None,
        "reason": "",
        "votes": {HOSTILE: 1.0},
        "candidates": 1,
        "cut_off": 0,
        "cost": cost,
    }
    screen.end(found, 10)
    shown = out.getvalue()
    assert "\x1b[2J" not in shown and "\u202e" not in shown and "[red]x[/red][/]␛[2Jsecret" in shown


def test_a_terminal_keeps_the_last_lines_and_counts_answers():
    screen = SolveScreen("vote:9", Console(file=StringIO(), force_terminal=True, width=60))
    for n in range(30):
        screen.watch({"problem": 0, "kind": "reply", "text": str(n), "answer": (str(n % 2), True), "tokens": 1})
    assert len(screen.lines) == LINES and screen.answers == {"0": 15, "1": 15}
    console = Console(file=StringIO(), width=60)
    console.print(screen.picture())
    assert "vote:9" in console.file.getvalue() and "0: 15" in console.file.getvalue()


def test_what_gave_no_answer_says_why():
    out = StringIO()
    cost = {"tokens": 3, "prompt_tokens": 9, "scorer_tokens": 0, "passes": 3, "flops": 1.0, "seconds": 0.1}
    found = {"answer": None, "right": None, "reason": "", "votes": {}, "candidates": 4, "cut_off": 3, "cost": cost}
    SolveScreen("vote:4", Console(file=out, width=200)).end(found, 10)
    assert "none: 3 of 4 replies were cut off" in out.getvalue()
    assert "no answer" in described({"kind": "reply", "text": "", "answer": None, "tokens": 0}).plain
