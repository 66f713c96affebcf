"""What has gone wrong in other evaluations, one test for each pitfall.

Each test's docstring says where it happened.
"""

from __future__ import annotations

import importlib.metadata
import json
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from aha.errors import RunError
from aha.evaluate import evaluate, judged
from aha.evaluation.digest import prompts_digest
from aha.evaluation.presets import PRESETS, Source, preset
from aha.evaluation.results import Exam, grade
from aha.evaluation.sample import Plan, sample
from aha.evaluation.store import Identity, Store, names
from aha.rollout.engine import TorchEngine
from aha.sandbox.jail import best_level
from aha.tasks.benchmarks import BOXED, Wording, mathematics, programming
from aha.tools.evaluate_lines import readable
from aha.types import Completion, Problem, Sampling
from tests.toys import toy_chat, toy_model

ROOT = Path(__file__).parents[1]
needs_jail = pytest.mark.skipif(best_level()[0] is None, reason="no jail holds here")


@pytest.fixture
def task(tmp_path):
    """Thirty sums, as AIME has thirty problems."""
    rows = [json.dumps({"problem": f"What is {i} + {i}?", "answer": str(2 * i)}) for i in range(30)]
    (tmp_path / "sums.jsonl").write_text("\n".join(rows))
    return mathematics("sums", tmp_path / "sums.jsonl", Wording(BOXED)).task


def answering(problem, text=None, finish="stop"):
    said = f"<think>easy</think>\\boxed{{{problem.answer['answer']}}}" if text is None else text
    return Completion(said, token_ids=[1] * 10, finish=finish)


def kept(folder, task, groups, sampling, name="r1/aime24"):
    """The record of replies that are in a folder."""
    chosen = replace(preset(name), sampling=sampling)
    store = Store.open(folder, Identity("m", "d", "e", name, "r", "p", sampling))
    store.add(list(zip(names(task.test), groups, strict=True)))
    return grade(store, Exam(chosen, task, task.test, task.test, sampling, {}))


def test_pitfall_1_silent_denominator(task, tmp_path):
    """Fewer samples than k came back and the missing ones counted as wrong: pass@1 fell with k (lighteval 771)."""
    half = [[answering(problem)] * 8 for problem in task.test]
    with pytest.raises(RunError, match="has 8 replies where 16 were asked for"):
        judged(task, task.test, half, Sampling(16))
    with pytest.raises(RunError, match="240 of 480 replies are missing, at 30 questions"):
        kept(tmp_path, task, half, Sampling(16))
    assert [judged(task, task.test, [g[:k] for g in half], Sampling(k)).summary["pass@1"] for k in (8, 4, 1)] == [
        1,
        1,
        1,
    ]


def test_pitfall_2_truncated_thought_graded_as_answer(task):
    """A number inside thinking that ran out of tokens was taken for the answer (lm-evaluation-harness 3382)."""
    texts = ["<think>so it must be \\boxed{0}", "<think>x</think>\\boxed{0}"]
    groups = [[answering(task.test[0], text, "length") for text in texts], [answering(task.test[1])] * 2]
    found = judged(task, task.test[:2], groups, Sampling(2))
    assert (
        found.summary["pass@1"] == 0.5
        and found.summary["reasons"] == {"cut off": 0.5}
        and found.summary["cons@k"]["2"] == 0.5
    )
    unfinished = task.rubric(task.test[0], [answering(task.test[0], "<think>so it must be \\boxed{0}")])[0]
    assert unfinished.parts["correct"] == 0 and unfinished.reason == "no answer"


def test_pitfall_3_one_greedy_run_on_30_problems(task, tmp_path):
    """One greedy sample of 30 problems has a standard error of nine points; reports left it out (open-r1 97, 242, 269)."""
    groups = [[answering(problem, None if i % 2 else "\\boxed{-1}")] for i, problem in enumerate(task.test)]
    record = kept(tmp_path, task, groups, Sampling(1, temperature=0))
    [line] = [line for line in readable(record).splitlines() if line.startswith("pass@1")]
    assert "50.0%  (95 % interval 33." in line and "to 66." in line
    assert preset("r1/aime24").sampling.n == 64 and preset("r1/aime24").sampling.temperature > 0


def test_pitfall_4_max_tokens_too_small(task, tmp_path):
    """A default limit cut nearly every reply, and the score of 3 % looked like the model's (OpenCompass 1878)."""
    groups = [[answering(problem, finish="length" if i < 20 else "stop")] for i, problem in enumerate(task.test)]
    record = kept(tmp_path, task, groups, Sampling(1, max_tokens=10))
    lines = readable(record).splitlines()
    assert any(line.startswith("pass@1") and "66.7% cut off" in line for line in lines)
    assert lines[-1].startswith("warning: 66.7% of the replies were cut off at 10 tokens")
    assert record["outcomes"] == pytest.approx(
        {"right": 1 / 3, "wrong": 0, "no answer": 0, "cut off": 2 / 3, "grader failed": 0}
    )


def test_pitfall_5_no_template_and_stop_strings(task):
    """AIME was asked without the model's template and cut at "Question:" (lm-evaluation-harness, aime24)."""
    assert all(one.sampling.stop == () for one in PRESETS)
    assert all(p.prompt.startswith("User: What is") and p.prompt.endswith("\nAssistant:") for p in task.test)


@needs_jail
def test_pitfall_6_parser_failure_on_think_for_code(tmp_path):
    """Code was looked for in the thinking too, and HumanEval fell from above 80 to 44.5 (EvalScope 867)."""
    row = {"task_id": "T/0", "prompt": "def twice(x):\n", "entry_point": "twice", "canonical_solution": "    return 2 * x\n",
           "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 6\n"}  # fmt: skip
    (tmp_path / "h.jsonl").write_text(json.dumps(row))
    task = programming("humaneval", tmp_path / "h.jsonl").task
    reply = "<think>\n```python\ndef twice(x):\n    return x\n```\nno</think>\nHere:\n```python\ndef twice(x):\n    return x + x\n```"
    assert task.rubric(task.test[0], [Completion(reply)])[0].total == 1


def test_pitfall_7_a_grader_that_hangs_or_needs_the_main_thread(task):
    """math-verify's alarm works in the main thread only, and towers of powers hang it (Math-Verify 50, 55, 65)."""
    hostile = ["9^{9^{9^{9^{9}}}}", "\\left(10^{10^{10}}\\right)!", "1" * 900, "((((" * 200]
    scores, began = [], time.monotonic()
    problem = task.test[3]
    group = [answering(problem, f"<think></think>\\boxed{{{text}}}") for text in hostile]
    thread = threading.Thread(target=lambda: scores.extend(task.rubric(problem, group)))
    thread.start()
    thread.join(60)
    assert not thread.is_alive() and time.monotonic() - began < 60
    assert [score.parts["correct"] for score in scores] == [0.0] * 4


def test_pitfall_8_versions_of_the_grammar_runtime():
    """math-verify's parser needs one of several versions of antlr4, and Hydra another."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = json.dumps(extras)
    assert "math-verify[antlr4_13_2]" in wanted and not any(name in wanted for name in ("hydra", "omegaconf"))
    assert importlib.metadata.version("antlr4-python3-runtime") == "4.13.2"
    from aha.rewards.math import same_answer

    assert same_answer(r"\sin(x) + 1", r"1 + \sin(x)", lenient=True).value == 1


def test_pitfall_9_extractors_differ_by_points(task, tmp_path):
    """On the same replies three graders gave 8, 13 and 13 % (Math-Verify's README): name it, and keep both readings."""
    groups = [
        [answering(p, f"The answer is {p.answer['answer']}." if i < 10 else None)] for i, p in enumerate(task.test)
    ]
    record = kept(tmp_path, task, groups, Sampling(1))
    assert (record["pass@1"], record["strict"]) == (1.0, pytest.approx(2 / 3))
    assert "math/1" in record["extractor"] and "strict" in readable(record)


def test_pitfall_10_prompts_that_differ(task):
    """The boxed instruction belongs into the user's turn and there is no system prompt; another prompt is another score."""
    other = Wording("{question}")
    assert "put your final answer within \\boxed{}.\nAssistant:" in task.test[0].prompt
    assert not any(word in task.test[0].prompt for word in ("system", "System", "Human"))
    assert prompts_digest(p.prompt for p in task.test) != prompts_digest(other("x") for _ in task.test)
    keys = {Identity("m", "d", "e", "p", "r", prompts, Sampling()).key() for prompts in ("one", "another")}
    assert len(keys) == 2


def test_pitfall_11_a_cache_without_the_samples_number(tmp_path):
    """Keys without it gave k times the same sample."""
    problems = [Problem("User: 1 + 1\nAssistant:", id="a"), Problem("User: 1 + 1\nAssistant:", id="b")]
    sampling = Sampling(6, 16, seed=1)
    store = Store.open(tmp_path, Identity("m", "d", "e", "p", "r", "p", sampling))
    for n in (2, 6):
        sample(lambda: TorchEngine(toy_model(), toy_chat()), store, problems, replace(sampling, n=n), Plan())
    replies = [tuple(reply.token_ids) for group in store.groups(problems, 6) for reply in group]
    assert len(set(replies)) == 12


def test_pitfall_12_caches_that_depend_on_the_rank(tmp_path):
    """A cache kept by rank could not be resumed on another number of devices (lm-evaluation-harness, README)."""
    problems = [Problem(f"User: {i} + 1\nAssistant:", id=str(i)) for i in range(6)]
    model, sampling, found = toy_model(), Sampling(4, 12, seed=1), []
    for workers, shares in ((1, [(1, 1)]), (3, [(1, 1)]), (1, [(2, 2), (1, 2)])):
        store = Store.open(tmp_path / f"{workers}-{len(shares)}", Identity("m", "d", "e", "p", "r", "p", sampling))
        for share in shares:
            sample(lambda: TorchEngine(model, toy_chat()), store, problems, sampling, Plan(8, workers, share))
        found.append([[reply.token_ids for reply in group] for group in store.groups(problems, 4)])
    assert found[0] == found[1] == found[2]


@needs_jail
def test_pitfall_13_unbounded_exec_of_model_code(tmp_path):
    """Code of the model was run by exec in the evaluator's own process (LightningRL 1, Agently 312)."""
    trap = tmp_path / "trap"
    (tmp_path / "l.jsonl").write_text(json.dumps({
        "question_content": "Double it.", "question_id": "1", "contest_date": "2024-09-01T00:00:00",
        "public_test_cases": json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}]),
    }))  # fmt: skip
    benchmark = preset("r1/livecodebench").build(Source(tmp_path / "l.jsonl"))
    code = f"import pathlib, sys\npathlib.Path({str(trap)!r}).write_text('out')\nprint(4)"
    endless = "while True: pass"
    group = [Completion(f"<think></think>\n```python\n{text}\n```") for text in (code, endless)]
    began = time.monotonic()
    evaluate(Scripted(group), benchmark.task, benchmark.task.test, Sampling(2))
    assert not trap.exists() and time.monotonic() - began < 60


class Scripted:
    """An engine with one group of replies."""

    def __init__(self, group):
        self.group = group

    def generate(self, prompts, sampling, done=None):
        return [self.group for _ in prompts]
