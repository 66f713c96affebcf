"""`aha scale`: everything from one pool, resumed where it stopped, and shown without trusting any text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import accumulate

import pytest
import typer
from typer.testing import CliRunner

from aha.errors import ConfigError
from aha.evaluation import scale_lines, scale_page
from aha.evaluation.scale import Bench, agreed, ease, outcomes
from aha.evaluation.scale_arms import Plan, arms, check_methods, choices
from aha.evaluation.scale_figure import Trace, front_chart, log_ticks
from aha.evaluation.scale_result import summed_up
from aha.models.folder import TINY
from aha.models.process_scorer import ProcessScorer
from aha.models.steps import split
from aha.rewards.rubric import Rubric, each
from aha.search.parse import Scorers, parse
from aha.tools.scale import both_scorers, scale
from tests.search_toys import Scripted, toy_task

ANSWERS = ("2", "2", "3", "4")
"""Of four samples to any question; the first question's right answer is 2, the second's 4."""


def script(prompt: str, sample: int, seed: int) -> str:
    """Replies of a line of thought, in whichever place they are taken up."""
    answer = ANSWERS[sample % 4]
    if prompt.endswith("<answer>"):
        return f"{answer}</answer><|end|>"
    if prompt.endswith("</think>"):
        return f"<answer>{answer}</answer><|end|>"
    opening = "" if "<think>" in prompt.rpartition("Assistant:")[2] else "<think>"
    return f"{opening}{'1' * (sample + 1)}\n</think><answer>{answer}</answer><|end|>"


@each
def correct(problem, completion):
    right = "2" if "1 + 1" in problem.prompt else "4"
    return completion.text.endswith(f"<answer>{right}</answer>")


def long_ones(prompts, replies):
    """A process model that likes long thoughts."""
    scores = [[size / 100 for size in accumulate(map(len, split(reply)))] for reply in replies]
    return scores, [len(reply) for reply in replies]


PLAN = Plan(samples=4, max_tokens=40, searches=(4, 8))
SCORERS = Scorers(process=long_ones)
HEAD = {
    "model": "<script>alert(1)</script>", "task": "toy", "scorers": ["a|b"], "samples": 4, "temperature": 0.6, "top_p": 0.95,
    "max_tokens": 40, "seed": 0,
}  # fmt: skip


def bench(folder, engine=None, plan: Plan = PLAN, scorers: Scorers = SCORERS, rubric=None, mark="1") -> Bench:
    task, problems = toy_task()
    task = replace(task, rubric=Rubric((1.0, rubric or correct)))
    problems = [replace(p, id=str(i)) for i, p in enumerate(problems)]
    return Bench(engine or Scripted(script), task, problems, plan, scorers, folder, {"process": mark}, "toy")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    own = bench(folder)
    return folder, own.run(), own.facts()


def found(every, method, size):
    return next(one for one in every if (one.method, one.size) == (method, size))


def test_every_method_is_there_at_every_size(ran):
    _, every, _ = ran
    names = [(one.method, one.size) for one in every]
    assert len(names) == len(set(names)) and names[0] == ("sample", 1)
    for method in ("vote", "short", "length", "best by likelihood", "weighted by process"):
        assert [size for name, size in names if name == method] == [2, 4]
    assert [size for name, size in names if name == "beam"] == [4, 8] and ("dvts", 4) not in names
    for method in ("greedy", "direct", "steps", "budget", "wait", "hidden", "revise", "lookahead", "mcts"):
        assert any(name == method for name, _ in names)


def test_accuracy_and_tokens_are_those_of_the_samples(ran):
    _, every, _ = ran
    assert found(every, "sample", 1).credit_Q == [0.5, 0.25]
    assert found(every, "vote", 4).credit_Q == [1.0, 0.0]  # 2 has two votes of four
    assert found(every, "vote", 2).credit_Q[0] == pytest.approx((1 + 4 * 0.5) / 6)
    assert found(every, "best by process", 4).credit_Q == [0.0, 1.0]  # the fourth thought is the longest
    assert found(every, "greedy", 1).credit_Q == [1.0, 0.0] and found(every, "direct", 1).credit_Q == [1.0, 0.0]
    assert found(every, "vote", 2).tokens == found(every, "vote", 4).tokens / 2
    assert found(every, "best by process", 4).tokens > found(every, "best by likelihood", 4).tokens


def test_what_is_finished_is_neither_drawn_nor_scored_again(ran):
    folder, every, facts = ran

    def never(prompts, replies):
        raise AssertionError("scored again")

    engine = Scripted(script)
    again = bench(folder, engine, scorers=Scorers(process=never))
    assert again.run() == every and again.facts() == facts and engine.calls == []


class Dies(Exception):
    pass


def test_an_interrupted_run_goes_on_to_the_same_end(ran, tmp_path):
    _, every, _ = ran

    def dying(left: list[int]):
        def say(prompt, sample, seed):
            left[0] -= 1
            if left[0] < 0:
                raise Dies
            return script(prompt, sample, seed)

        return Scripted(say)

    runs = 0
    while True:
        runs += 1
        try:
            done = bench(tmp_path, dying([60])).run()
            break
        except Dies:
            assert runs < 20
    told = [replace(one, bill_Q=one.bill_Q | {"seconds": [], "flops": []}) for one in done]
    assert runs > 2 and told == [replace(one, bill_Q=one.bill_Q | {"seconds": [], "flops": []}) for one in every]


def test_other_settings_questions_or_weights_meet_no_old_answers(tmp_path):
    only = replace(PLAN, methods=("vote", "greedy"))
    bench(tmp_path, plan=only).run()
    for changed in ({"seed": 1}, {"temperature": 0.7}, {"max_tokens": 41}):
        engine = Scripted(script)
        bench(tmp_path, engine, plan=replace(only, **changed)).run()
        assert engine.calls
    engine = Scripted(script)
    other = bench(tmp_path, engine, plan=only)
    Bench(engine, other.task, other.problems, only, SCORERS, tmp_path, model="another model").run()
    assert engine.calls


def test_another_scorer_changes_only_what_goes_by_it(tmp_path):
    plan, engine = replace(PLAN, methods=("vote", "best", "revise", "beam"), searches=(4,)), Scripted(script)
    first = bench(tmp_path, plan=plan).run()
    other = Scorers(process=lambda prompts, replies: long_ones(prompts, [reply * 2 for reply in replies]))
    before = set((tmp_path / "arms").iterdir())
    again = bench(tmp_path, engine, plan, other, mark="2").run()
    fresh = {file.name.rsplit("-", 1)[0] for file in set((tmp_path / "arms").iterdir()) - before}
    assert len(again) == len(first) and fresh == {
        "best-by-process-2", "best-by-process-4", "revise-by-process-2", "revise-by-process-4", "revise-by-process-8", "beam-4",
    }  # fmt: skip


def test_a_strategy_on_its_own_costs_what_the_engine_spent(tmp_path):
    engine = Scripted(script)
    [sample, beam] = [
        one for one in bench(tmp_path, engine, plan=replace(PLAN, methods=("beam",), searches=(4,))).run()
    ]
    assert sample.method == "sample" and beam.method == "beam"
    assert sum(beam.bill_Q["tokens"]) == engine.ledger.tokens - 4 * sum(sample.bill_Q["tokens"])


def test_a_grader_that_fails_takes_its_question_out(tmp_path):
    @each
    def correct(problem, completion):
        return None if "1 + 1" in problem.prompt and "4</answer>" in completion.text else 1.0

    own = bench(tmp_path, plan=replace(PLAN, methods=("vote", "greedy")), rubric=correct)
    record = summed_up(own.run(), own.facts(), HEAD)
    assert record["questions"] == 1 and record["failed"] == 1 and record["replies"]["grader failed"] == 1 / 8
    assert "optimal" not in record and scale_lines.markdown(record)


def test_how_samples_ended_and_how_easy_a_question_looks(ran):
    _, _, facts = ran
    assert facts["replies"] == {"right": 3 / 8, "wrong": 5 / 8, "no answer": 0, "cut off": 0, "grader failed": 0}
    assert facts["ease"]["agreement"] == [0.5, 0.5] and len(facts["ease"]["process"]) == 2
    assert facts["stopped"]["passes"] > 0 and agreed([None, None]) == 0 and ease([None, 0.5]) == 0.25


def test_cut_off_and_unanswered_replies_are_counted_apart(tmp_path):
    said = ["<think>1</think><answer>2</answer><|end|>", "<think>1<|end|>", "<think>" + "1 " * 40 + "<|end|>"]
    own = bench(tmp_path, Scripted(lambda p, s, seed: said[s]), plan=replace(PLAN, samples=3))
    told = outcomes(own.drawn)
    assert {name: round(6 * share) for name, share in told.items()} == {
        "right": 1, "wrong": 1, "no answer": 2, "cut off": 2, "grader failed": 0,
    }  # fmt: skip


def test_the_page_is_whole_and_holds_no_script(ran, tmp_path):
    _, every, facts = ran
    page = scale_page.write(tmp_path / "out", summed_up(every, facts, HEAD)).read_text()
    assert (
        "<script" not in page and "&lt;script&gt;" in page and page.count("<svg") == 1
    )  # an engine without weights has no operations
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(record["points"]) == len(every) and all(p["low"] <= p["accuracy"] <= p["high"] for p in record["points"])
    assert set(record["optimal"]) == {"pass@1", "agreement", "process"} and len(record["rounds"]) == 3
    table = (tmp_path / "out" / "table.md").read_text()
    for one in every:
        assert f"| {one.method} | {one.size} |" in table
    assert "http" not in (tmp_path / "out" / "scale.svg").read_text().replace("http://www.w3.org/2000/svg", "")


def test_every_budget_has_a_verdict_with_an_interval(ran):
    _, every, facts = ran
    lines = scale_lines.verdicts(summed_up(every, facts, HEAD))
    assert len(lines) == 3 and all(re.match(r"At [\d,]+ tokens a question: ", line) for line in lines)
    assert all(re.search(r"(ahead of|not told apart from) [a-z ]+: [+-]\d", line) for line in lines[1:])


def test_the_drawing_marks_the_front_and_names_every_method():
    traces = [
        Trace("vote", [(100, 0.3), (200, 0.4)], [(0.2, 0.4), (0.3, 0.5)]), Trace("</svg><b>", [(150, 0.2)], [(0.1, 0.3)]),
        Trace("free", [(0, 0.9)], [(0.8, 1.0)]), Trace("oracle", [(50, 0.9)], [(0.8, 1.0)], is_real=False),
    ]  # fmt: skip
    drawing = front_chart("Accuracy", traces)
    assert drawing.count('r="7"') == 3 and "vote" in drawing and "free" not in drawing  # two rings and the legend's
    assert drawing.count("</svg>") == 1 and "<polygon" in drawing and front_chart("none", []) == ""


def test_ticks_cover_the_data():
    assert log_ticks(30, 900) == [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0] and log_ticks(50, 50) == [50.0, 100.0]
    assert log_ticks(3, 90000) == [1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0]


def test_the_strategies_can_be_typed_into_solve():
    for arm in arms(PLAN, SCORERS):
        assert callable(parse(arm.strategy, SCORERS))
    for choice in choices(PLAN, SCORERS):
        assert callable(parse(choice.strategy(4, PLAN), SCORERS))


def test_what_cannot_be_run_is_refused_in_one_line():
    with pytest.raises(ConfigError, match="no method 'bear' here; there is vote"):
        check_methods(Plan(methods=("bear",)), Scorers())
    with pytest.raises(ConfigError, match="no method 'beam'"):
        check_methods(Plan(methods=("beam",)), Scorers())
    check_methods(Plan(methods=("beam", "best", "wait", "vote", "weighted by process")), SCORERS)
    with pytest.raises(ConfigError, match=r"\[6\]"):
        Plan(searches=(4, 6))
    with pytest.raises(ConfigError, match="samples = 0"):
        Plan(samples=0)


def test_two_scorers_of_a_kind_are_refused(tmp_path):
    ProcessScorer.from_base(TINY).save(tmp_path)
    scorers, marks = both_scorers([tmp_path])
    assert scorers.process is not None and scorers.outcome is None and list(marks) == ["process"]
    with pytest.raises(ConfigError, match="a second process model"):
        both_scorers([tmp_path, tmp_path])


@pytest.mark.slow
def test_on_the_embedded_model_as_a_user_calls_it(tmp_path):
    ProcessScorer.from_base(TINY).save(tmp_path / "scorer")
    app = typer.Typer()
    app.command()(scale)
    words = ["tiny", "--numbers", "3", "--questions", "4", "--samples", "4", "--searches", "4", "--max-tokens", "96"]
    words += ["--scorer", str(tmp_path / "scorer"), "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert record["questions"] == 4 and {p["method"] for p in record["points"]} >= {"vote", "beam", "mcts", "hidden"}
    second = CliRunner().invoke(app, words)
    assert second.output == first.output and json.loads((tmp_path / "out" / "results.json").read_text()) == record
    third = CliRunner().invoke(app, [*words, "--json"])
    assert (
        json.loads(third.stdout) == record | {"page": str(tmp_path / "out" / "scale.html")}
        and "% right" in third.stderr
    )
