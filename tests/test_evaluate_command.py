"""`aha eval` and `aha compare` as a user calls them, and the files they leave for other tools."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import typer
from typer.testing import CliRunner

from aha.errors import AhaError, ConfigError, RunError
from aha.evaluation.harness import standard_error
from aha.tables import read_parquet
from aha.tools import evaluate_work
from aha.tools.evaluate import compare, evaluate, part_of, whole_numbers
from aha.types import Completion
from tests.test_http_engine import serving

app = typer.Typer(pretty_exceptions_enable=False)
app.command(name="eval")(evaluate)
app.command(name="compare")(compare)
SMALL = ["--questions", "6", "--samples", "4", "--max-tokens", "60", "--dtype", "fp32"]


def aha(*words):
    found = CliRunner().invoke(app, [str(word) for word in words])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.stdout


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    out = tmp_path_factory.mktemp("evals")
    return out, json.loads(aha("eval", "tiny", "--task", "arithmetic", *SMALL, "--out", out, "--json"))


def without_time(record):
    return {key: value for key, value in record.items() if key not in ("seconds", "folder")}


def test_a_model_is_measured_and_the_departures_from_the_preset_are_told(measured):
    _, record = measured
    assert (record["questions"], record["samples"], record["engine"]) == (6, 4, "torch fp32")
    assert record["departures"] == {"samples": [16, 4], "max_tokens": [480, 60], "questions": [200, 6]}
    assert sum(record["outcomes"].values()) == pytest.approx(1) and record["tokens"] > 0
    assert record["pass@1"] == pytest.approx(sum(record["by_question"]["correct"]) / 6)


def test_the_same_command_samples_nothing_and_finds_the_same(measured, monkeypatch):
    out, record = measured
    monkeypatch.setattr(evaluate_work.TorchEngine, "generate", None)
    again = json.loads(aha("eval", "tiny", "--task", "arithmetic", *SMALL, "--out", out, "--json"))
    assert without_time(again) == without_time(record)


def test_regrading_samples_nothing_and_reads_the_replies_again(measured, tmp_path, monkeypatch):
    _, record = measured
    folder = shutil.copytree(record["folder"], tmp_path / "copy")
    for name in ("results.json", "grades.parquet"):
        (folder / name).unlink()
    monkeypatch.setattr(evaluate_work, "load_engine", None)
    assert without_time(json.loads(aha("eval", "--regrade", folder, "--json"))) == without_time(record)
    grades = read_parquet(folder / "grades.parquet")
    assert len(grades) == 24 and {row["outcome"] for row in grades} <= set(record["outcomes"])


def test_a_corrected_answer_changes_the_grades_and_not_the_replies(tmp_path):
    data = tmp_path / "sums.jsonl"
    data.write_text('{"question": "What is 2 + 3?", "answer": "5"}')
    words = [
        "eval",
        "tiny",
        "--task",
        "r1/gsm8k",
        "--data",
        data,
        "--samples",
        "2",
        "--max-tokens",
        "40",
        "--out",
        tmp_path,
        "--json",
    ]
    before = json.loads(aha(*words))
    data.write_text('{"question": "What is 2 + 3?", "answer": "23"}')
    after = json.loads(aha("eval", "--regrade", before["folder"], "--json"))
    assert before["revision"] != after["revision"] and after["tokens"] == before["tokens"]
    data.write_text('{"question": "What is 3 + 3?", "answer": "6"}')
    with pytest.raises(RunError, match="replies are missing"):
        aha("eval", "--regrade", before["folder"])


def test_the_readable_report_has_an_interval_with_every_share(measured):
    out, _ = measured
    lines = aha("eval", "tiny", "--task", "arithmetic", *SMALL, "--out", out).splitlines()
    shares = [line for line in lines if re.match(r"(pass|cons)@|strict", line)]
    assert len(shares) == 4 and all("95 % interval" in line for line in shares)
    assert any(line.startswith("departs") and "samples 4 instead of 16" in line for line in lines)


def test_results_leave_in_the_layout_of_lm_evaluation_harness(measured):
    from pathlib import Path

    _, record = measured
    [results] = Path(record["folder"]).glob("harness/tiny/results_*.json")
    [samples] = Path(record["folder"]).glob("harness/tiny/samples_arithmetic_*.jsonl")
    told, rows = json.loads(results.read_text()), [json.loads(line) for line in samples.read_text().splitlines()]
    scores = told["results"]["arithmetic"]
    assert scores["pass@1,none"] == record["pass@1"] and scores["pass@1_stderr,none"] == standard_error(
        record["by_question"]["correct"]
    )
    assert told["n-samples"]["arithmetic"] == {"original": 6, "effective": 6} and told["n-shot"] == {"arithmetic": 0}
    assert told["configs"]["arithmetic"]["repeats"] == 4 and told["model_name"] == "tiny"
    assert [row["doc_id"] for row in rows] == list(range(6)) and all(
        len(row["resps"][0]) == len(row["filtered_resps"]) == 4 for row in rows
    )
    assert sum(row["pass@1"] for row in rows) / 6 == pytest.approx(record["pass@1"])
    assert results.stem.removeprefix("results_") == samples.stem.removeprefix("samples_arithmetic_")


def test_two_evaluations_are_compared_on_the_same_questions(measured, tmp_path):
    _, record = measured
    other = json.loads(
        aha(
            "eval",
            "tiny",
            "--task",
            "arithmetic",
            *SMALL,
            "--temperature",
            "1",
            "--seed",
            "7",
            "--out",
            tmp_path,
            "--json",
        )
    )
    found = json.loads(aha("compare", record["folder"], other["folder"], "--json"))
    assert found["questions"] == 6 and found["difference"]["mean"] == pytest.approx(other["pass@1"] - record["pass@1"])
    assert "b minus a" in aha("compare", record["folder"], other["folder"])
    with pytest.raises(RunError, match="same weights"):
        aha("compare", record["folder"], other["folder"], "--seeds")
    assert "no interval: one run" in aha("compare", record["folder"], "--seeds")
    with pytest.raises(AhaError, match="two folders are compared, not 1"):
        aha("compare", record["folder"])


def test_examples_are_an_experiment_beside_the_evaluation_without_them(measured):
    out, record = measured
    found = json.loads(aha("eval", "tiny", "--task", "arithmetic", *SMALL, "--shots", "2", "--out", out, "--json"))
    assert found["shots"] == 2 and found["departures"]["shots"] == [0, 2] and found["folder"] != record["folder"]
    assert found["shots_against_none"]["a_pass@1"] == pytest.approx(record["pass@1"])


def test_shares_of_the_work_make_a_whole(measured, tmp_path):
    _, record = measured
    words = ["eval", "tiny", "--task", "arithmetic", *SMALL, "--out", tmp_path, "--json"]
    assert json.loads(aha(*words, "--share", "2/2"))["missing"] == 3
    assert json.loads(aha(*words, "--share", "1/2"))["missing"] == 0
    assert without_time(json.loads(aha(*words)))["by_question"] == record["by_question"]


def test_a_model_on_a_server_is_asked_in_its_own_template(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    data = tmp_path / "sums.jsonl"
    data.write_text('{"question": "What is 2 + 3?", "answer": "5"}\n{"question": "What is 2 + 4?", "answer": "6"}')
    message = {"content": "<think>2 + 3 = 5</think>So it is \\boxed{5}."}
    answer = 200, {"choices": [{"message": message, "finish_reason": "stop"}]}, {}
    with serving(lambda body, handler: answer) as (url, seen):
        words = ["eval", url, "--served", "r1", "--task", "r1/gsm8k", "--data", data, "--out", tmp_path]
        record = json.loads(aha(*words, "--json"))
        assert record["pass@1"] == 0.5 and record["length_mean"] is None and len(seen) == 8
        assert "unknown: the server does not tell tokens" in aha(*words) and len(seen) == 8
    bodies = [body for _, body, _ in seen]
    assert {body["messages"][0]["content"].split("\n")[1] for body in bodies} == {
        "Please reason step by step, and put your final answer within \\boxed{}."
    }
    assert {(body["temperature"], body["top_p"], body["max_tokens"]) for body in bodies} == {(0.6, 0.95, 32_768)}
    assert len({body["seed"] for body in bodies}) == 8 and record["departures"] == {}
    with pytest.raises(ConfigError, match="--served NAME"):
        aha("eval", url, "--task", "arithmetic")


@pytest.mark.parametrize(
    ("read", "text"), [(whole_numbers, "3,x"), (whole_numbers, ""), (part_of, "0/2"), (part_of, "3/2"), (part_of, "1")]
)
def test_numbers_that_are_none_are_refused(read, text):
    with pytest.raises(ConfigError, match="--"):
        read(text)


def test_replies_longer_than_the_model_reads_are_no_part_of_the_protocol(tmp_path):
    data = tmp_path / "sums.jsonl"
    data.write_text('{"question": "What is 2 + 3?", "answer": "5"}')
    request = evaluate_work.Request("tiny", "r1/gsm8k", data, samples=1, out=tmp_path, dtype="fp32")
    wanted, had = evaluate_work.measured(request, lambda done, of: None)["departures"]["max_tokens"]
    assert wanted == 32_768 and 1900 < had < 2048


@pytest.mark.parametrize("told", ["[]", "{}", "{", '{"format": "aha-replies/1"}'])
def test_a_damaged_record_of_an_evaluation_is_one_line(tmp_path, told):
    (tmp_path / "settings.json").write_text(told)
    with pytest.raises(RunError, match="holds no evaluation: settings.json .* remove the folder"):
        evaluate_work.graded_again(tmp_path)


def test_hostile_replies_are_shown_without_their_escapes(tmp_path, monkeypatch):
    hostile = Completion("<think></think><answer>\x1b[31m\u202e</answer>", token_ids=[1, 2])

    class Hostile:
        def __init__(self, *args, **kwargs):
            pass

        def generate(self, prompts, sampling, done=None):
            groups = [[hostile] * sampling.n for _ in prompts]
            for index, group in enumerate(groups):
                done(index, group)
            return groups

    monkeypatch.setattr(evaluate_work, "TorchEngine", Hostile)
    shown = aha("eval", "tiny", "--task", "general", *SMALL, "--out", tmp_path)
    assert "\x1b" not in shown and "\u202e" not in shown and "pass@1" in shown


def test_where_every_grader_failed_nothing_is_claimed(tmp_path):
    from aha.evaluation.presets import preset
    from aha.evaluation.results import Exam, grade
    from aha.evaluation.store import Identity, Store, names
    from aha.rewards.rubric import Rubric, each
    from aha.tasks.base import Task
    from aha.tools.evaluate_lines import readable
    from aha.types import Problem, Sampling

    @each
    def correct(problem, completion):
        return None, "the jail died"

    problems = [Problem("1?", id="a"), Problem("2?", id="b")]
    task = Task("broken", lambda count, seed: [], problems, Rubric((1.0, correct)), lambda problem, reply: reply.text)
    store = Store.open(tmp_path, Identity("m", "d", "e", "choice", "r", "p", Sampling()))
    store.add([(name, [Completion("x", token_ids=[1])]) for name in names(problems)])
    record = grade(store, Exam(preset("choice"), task, problems, problems, Sampling(), {}))
    assert (record["questions"], record["failed"], record["outcomes"]["grader failed"]) == (
        0,
        2,
        1.0,
    ) and "pass@1" not in record
    assert "unknown: a grader failed at every question" in readable(record)
