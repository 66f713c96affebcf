"""`aha run recipes/process.toml`: replies, labels, a scorer, and what it is worth, on a few puzzles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aha.errors import DataError, ModelError
from aha.models.folder import resolve
from aha.models.process_scorer import ProcessScorer
from aha.pipeline import process_work
from aha.pipeline.process import process
from aha.pipeline.recipe_process import Process
from aha.pipeline.runner import read_stages
from aha.pipeline.screen import Screen
from aha.report.write import write_report

SMALL = {
    "policy": "tiny", "task": {"numbers": [3], "test_count": 8},
    "replies": {"problems": 6, "samples": 2, "held_out": 4, "max_tokens": 64},
}  # fmt: skip


def run(folder: Path, **settings) -> dict[str, dict]:
    with Screen() as screen:
        process(Process.model_validate(SMALL | {"out": str(folder)} | settings), screen)
    return {stage.name: stage.record for stage in read_stages(folder)}


def test_a_recipe_ends_with_a_scorer_that_searches_can_load(tmp_path):
    stages = run(tmp_path, labels="exact")
    scores, _ = ProcessScorer.load(resolve(str(tmp_path)))(["User: 1\nAssistant:"], ["<think>1 + 2 = 3 no\n"])
    assert list(stages) == ["steps", "held-out", "process", "measured"]
    assert len(scores[0]) == 1 and stages["measured"]["measured"]["steps"] == stages["held-out"]["labelled"]


def test_sampled_labels_are_held_against_exact_ones(tmp_path):
    told = run(tmp_path, labels="hard", completions=2)["held-out"]
    assert set(told["labels_agree"]) >= {"agree", "auc", "wrong_called_right", "right_called_wrong"}
    assert told["replies"] == 8


def test_a_labelling_that_was_interrupted_goes_on_after_its_last_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(process_work, "CHUNK", 3)
    asked, whole = [], process_work.sampled
    monkeypatch.setattr(process_work, "sampled", lambda *a: asked.append(a[-1]) or (whole(*a) if a[-1] < 1 else 1 / 0))
    with pytest.raises(ZeroDivisionError):
        run(tmp_path)
    monkeypatch.setattr(process_work, "sampled", lambda *a: asked.append(a[-1]) or whole(*a))
    counted = run(tmp_path)["steps"]["sampled_tokens"]
    assert asked == [0, 1, 1, -1]
    assert counted == run(tmp_path / "at once")["steps"]["sampled_tokens"] > 0


def test_the_report_of_a_scorer_begins_with_how_good_it_is_and_counts_its_tokens(tmp_path):
    stages = run(tmp_path, labels="exact")
    told = write_report(tmp_path).with_suffix(".md").read_text()
    assert f"The scorer: {stages['measured']['headline']}." in told.partition("## Stages")[0]
    assert "Beside the paper" not in told and "Nothing was measured" not in told
    assert stages["process"]["trained_tokens"] > 0


def test_human_labels_of_a_file_are_learnt_and_some_questions_held_out(tmp_path):
    step = {"human_completion": None, "chosen_completion": 0}
    rows = [
        {
            "question": {"problem": f"What is {i} + 1?"},
            "label": {"steps": [step | {"completions": [{"text": f"{i} + 1 = {i + 1}.", "rating": 1 - 2 * (i % 2)}]}]},
        }
        for i in range(40)
    ]
    (tmp_path / "prm.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stages = run(tmp_path / "run", file=str(tmp_path / "prm.jsonl"))
    assert stages["steps"]["replies"] + stages["held-out"]["replies"] == 40
    assert stages["held-out"]["replies"] > 0


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="there is no file .*prm.jsonl"):
        run(tmp_path, file=str(tmp_path / "prm.jsonl"))


def test_a_run_of_stages_stands_for_its_result_and_until_then_names_its_stages(tmp_path):
    made = tmp_path / "stages" / "dev1-0a1b" / "model"
    made.mkdir(parents=True)
    (tmp_path / "stages.json").write_text('["data-77ff", "dev1-0a1b"]')
    assert resolve(f"{tmp_path}/dev1") == made
    with pytest.raises(ModelError, match=f"has not come to its end; .*{tmp_path}/dev1$"):
        resolve(str(tmp_path))
    (tmp_path / "result.json").write_text('{"model": "stages/dev1-0a1b/model"}')
    assert resolve(str(tmp_path)) == made
