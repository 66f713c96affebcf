"""Small budgets: reformatting before rejecting, readings of equal cost, and recipes that end in a verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aha.errors import DataError, ModelError
from aha.models.folder import save_model
from aha.pipeline import curate, small_work
from aha.pipeline.curate import reformat, reject, repeated, salvaged, sample
from aha.pipeline.recipe import Collect
from aha.pipeline.recipe_small import Journey, SkyT1
from aha.pipeline.recipes import load_recipe
from aha.pipeline.refine import by_rule
from aha.pipeline.runner import read_stages
from aha.pipeline.show import tree
from aha.pipeline.small_budget import journey, sky_t1
from aha.pipeline.small_estimate import estimate
from aha.report import write_report
from aha.tables import read_jsonl
from aha.tasks.base import Task
from aha.tasks.countdown import answer_of, graded, problem_of
from aha.types import Completion
from tests.toys import quiet_screen, toy_chat, toy_model

RECIPES = Path(__file__).parents[1] / "recipes"
PUZZLE = problem_of([44, 19, 35], 98, None, "countdown/train/0/0")
THOUGHT = "44 - 19 = 25 no\n44 + 19 = 63, 63 + 35 = 98 yes\n"
RIGHT = f"<think>{THOUGHT}</think><answer>44 + 19 + 35</answer>"
UNTAGGED = f"<think>{THOUGHT}</think>44 + 19 + 35"
OPEN = f"<think>{THOUGHT}</think><answer>44 + 19 + 35"
WRONG = "<think>44 - 19 = 25 yes</think><answer>44 - 19</answer>"
ENDLESS = "<think>44 - 19 = 25 no"
SMALL = {
    "dtype": "fp32", "threads": 1, "task": {"by": "expression", "test_count": 4},
    "sft": {"epochs": 2, "examples": 4}, "exam": {"questions": 3, "samples": 2, "max_tokens": 8},
}  # fmt: skip


class Scripted:
    """An engine that gives the same replies to every prompt."""

    def __init__(self, *texts):
        self.texts, self.calls = texts, 0

    def generate(self, prompts, sampling, done=None):
        self.calls += 1
        return [[Completion(text, [1], [1] * 5, [0.0] * 5) for text in self.texts] for _ in prompts]


def task():
    return Task("countdown", lambda count, seed: [PUZZLE] * count, [PUZZLE], graded(), answer_of)


def rows_of(folder, *texts):
    settings = Collect(problems=1, samples=len(texts), keep=9)
    rows = sample(folder, Scripted(*texts), task(), settings, 0, print)
    return reformat(folder, rows, len(texts), task(), by_rule, False, print)


def test_an_answer_is_found_in_replies_that_stray_from_the_template():
    assert [salvaged(text).answer for text in (RIGHT, UNTAGGED, OPEN)] == ["44 + 19 + 35"] * 3
    assert salvaged(UNTAGGED).thinking == THOUGHT.strip()
    assert salvaged(ENDLESS) is None and salvaged("98") is None and salvaged("<think>a</think> ") is None


def test_reformatting_makes_right_answers_readable_to_the_grader_and_wrong_ones_not_right(tmp_path):
    rows = rows_of(tmp_path, RIGHT, UNTAGGED, OPEN, WRONG, ENDLESS)
    assert [row["before"] for row in rows] == [True, False, False, False, False]
    assert [row["after"] for row in rows] == [True, True, True, False, False]
    assert rows[4]["reformatted"] is None


def test_a_set_holds_no_wrong_reply_and_no_reply_twice(tmp_path):
    rows = rows_of(tmp_path, RIGHT, UNTAGGED, WRONG, ENDLESS)
    kept, reasons = reject(rows, task(), Collect(keep=9), set())
    assert [row["reply"] for row in kept] == [rows[0]["reformatted"]]
    assert reasons == {"said already": 1, "wrong numbers": 1, "not reformatted": 1}
    assert kept[0]["domain"] == "countdown" and kept[0]["language"] == "en"


def test_at_most_so_many_replies_to_a_problem_are_kept(tmp_path):
    other = RIGHT.replace("44 - 19 = 25", "44 - 35 = 9")
    kept, reasons = reject(rows_of(tmp_path, RIGHT, other), task(), Collect(keep=1), set())
    assert len(kept) == 1 and reasons == {"enough of this prompt": 1}


def test_an_evaluation_is_never_learnt_from(tmp_path):
    kept, reasons = reject(rows_of(tmp_path, RIGHT), task(), Collect(), curate_known())
    assert not kept and reasons == {"overlaps an evaluation set": 1}


def curate_known():
    from aha.pipeline.filters import known_runs

    return known_runs([PUZZLE.prompt])


def test_an_interrupted_sampling_goes_on_after_the_last_whole_chunk(tmp_path):
    engine, settings = Scripted(RIGHT), Collect(problems=curate.CHUNK + 1, samples=1)
    kept = [{"id": "kept"}] * curate.CHUNK
    (tmp_path / "chunk-000000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    rows = sample(tmp_path, engine, task(), settings, 0, print)
    assert rows[:-1] == kept and engine.calls == 1
    assert [file.name for file in tmp_path.iterdir()] == ["data.jsonl"]


def test_a_reading_repeats_all_rows_before_any_once_more_and_meets_its_budget():
    chosen = repeated(["a", "b", "c"], [4, 4, 4], budget=29, seed=0)
    assert sorted(chosen[:3]) == sorted(chosen[3:6]) == [0, 1, 2]
    assert len(chosen) == 7  # 28 tokens: an eighth row would be further from 29
    assert repeated(["a"], [10], budget=4, seed=0) == []
    with pytest.raises(DataError, match="nothing to learn from"):
        repeated([], [], budget=10, seed=0)


def test_a_gap_is_paired_and_pass_at_k_counts_questions_with_any_right_reply():
    a, b = [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    line, found = small_work.gap("a against b", a, b)
    assert found["pass@1"][0] == pytest.approx(1 / 2) and found["pass@2"][0] == pytest.approx(2 / 3)
    assert line.startswith("a against b: pass@1 +50.0 points (")
    assert small_work.level("a", a)[1]["pass@2"][0] == 1.0


@pytest.fixture
def base(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path / "base")
    return str(tmp_path / "base")


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    """A run of both arms with a random base."""
    out = tmp_path_factory.mktemp("arms")
    save_model(toy_model(), toy_chat(), out / "base")
    s = Journey(base=str(out / "base"), out=str(out / "run"), walks={"problems": 40, "branches": 9}, **SMALL)
    folder = journey(s, quiet_screen())
    return folder, {stage.name: stage for stage in read_stages(folder)}


def test_both_arms_read_the_same_puzzles_for_the_same_tokens(arms):
    _, stages = arms
    short, long = (stages[arm].record["trained_tokens"] for arm in ("shortcut", "journey"))
    assert short == pytest.approx(long, rel=0.02) and long == stages["journey-data"].record["budget"]
    ids = [{row["id"] for row in read_jsonl(stages[f"{arm}-data"].data)} for arm in ("shortcut", "journey")]
    assert ids[0] == ids[1] and len(ids[0]) == stages["traces"].record["puzzles"]


def test_steps_of_both_arms_are_alike(arms):
    _, stages = arms
    short, long = (len(read_jsonl(stages[arm].folder / "metrics.jsonl")) for arm in ("shortcut", "journey"))
    assert long == pytest.approx(2 * stages["traces"].record["puzzles"] / 4, abs=1)
    assert short == pytest.approx(long, rel=0.1)


def test_a_verdict_ends_the_run_and_stands_in_its_tree_and_report(arms):
    folder, stages = arms
    assert stages["verdict"].record["lines"][-1].startswith("journey against shortcut: pass@1 ")
    assert any("journey + journey-data" in line for line in tree(folder))
    assert "journey against shortcut" in write_report(folder).read_text()


@pytest.mark.parametrize("name", ["tinyzero", "sky-t1", "journey"])
def test_a_recipe_file_holds_settings_of_its_kind(name):
    settings = load_recipe(RECIPES / f"{name}.toml", [])
    assert (settings.recipe, settings.out) == ({"tinyzero": "zero"}.get(name, name), f"runs/{name}")


def test_an_estimate_names_every_student_and_refuses_a_teacher_that_is_not_there(base):
    lines = estimate(SkyT1(base=base, teacher=base, sizes=[4, 16], dtype="fp32"))
    assert [line.partition(":")[0] for line in lines] == [
        "samples", "student-4", "student-16", "exams of 4 models", "in all", "memory of SFT", "memory here",
    ]  # fmt: skip
    with pytest.raises(ModelError, match="nowhere"):
        estimate(SkyT1(base=base, teacher="nowhere"))


def taught(folder, engine, task, settings, seed, say):
    """A teacher that knows: each puzzle's own solution, and one that is wrong."""

    def rows(start, end):
        return [
            {"id": p.id, "prompt": p.prompt, "answer": p.answer, "reply": text, "finish": "stop", "tokens": 9}
            for p in task.draw(end, seed)[start:] for text in (p.solution, WRONG)
        ]  # fmt: skip

    return curate.in_chunks(folder, settings.problems, rows, say)


def test_students_of_a_curated_set_cost_the_same_whatever_its_size(tmp_path, base, monkeypatch):
    monkeypatch.setattr(curate, "sample", taught)
    s = SkyT1(
        base=base,
        teacher=base,
        out=str(tmp_path / "run"),
        sizes=[4, 16],
        samples={"problems": 24, "samples": 2},
        **SMALL,
    )
    folder = sky_t1(s, quiet_screen())
    stages = {stage.name: stage for stage in read_stages(folder)}
    assert stages["reformatted"].record["after"][0] == 0.5 and stages["curated"].record["kept"] >= 16
    assert stages["first-4"].record["reply_tokens"] == pytest.approx(stages["first-16"].record["budget"], rel=0.02)
    small, large = ({row["id"] for row in read_jsonl(stages[f"first-{n}"].data)} for n in (4, 16))
    assert small < large and len(large) == 16
    assert stages["verdict"].record["lines"][0].startswith("teacher's samples right as they came 50.0 %")
    assert "student-4" in write_report(folder).read_text()


def test_a_set_smaller_than_its_largest_size_says_what_to_raise(tmp_path, base, monkeypatch):
    monkeypatch.setattr(curate, "sample", taught)
    s = SkyT1(
        base=base, teacher=base, out=str(tmp_path / "run"), sizes=[99], samples={"problems": 4, "samples": 2}, **SMALL
    )
    with pytest.raises(DataError, match="sizes asks for 99; raise samples.problems"):
        sky_t1(s, quiet_screen())
