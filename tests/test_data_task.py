"""Data as tasks of a recipe: what is trained on, what is tested on, and that they stay apart."""

from __future__ import annotations

import json

import pytest

from aha.config import load
from aha.errors import ConfigError, DataError
from aha.evaluation.presets import Source, preset
from aha.pipeline.recipe import Zero
from aha.tasks.data import Data, picks
from aha.types import Completion


def sums(path, numbers):
    rows = (
        {"question": f"Ann had {n} apples and then she got {n} more from Bob; how many now?", "answer": str(2 * n)}
        for n in numbers
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_without_test_rows_one_in_ten_is_held_out_and_never_drawn(tmp_path):
    task = Data(train=sums(tmp_path / "a.jsonl", range(200)), kind="number").load().task
    drawn = task.draw(400, 3)
    assert 8 <= len(task.test) <= 35 and not {p.id for p in task.test} & {p.id for p in drawn}
    assert len({p.id for p in drawn}) + len(task.test) == 200 and drawn[:7] == task.draw(7, 3) != task.draw(7, 4)


def test_what_is_like_a_test_question_is_not_trained_on_and_that_is_told(tmp_path):
    data = Data(train=sums(tmp_path / "a.jsonl", range(20)), test=sums(tmp_path / "b.jsonl", [3, 4]), kind="number")
    loaded = data.load()
    assert len({p.id for p in loaded.task.draw(100, 0)}) == 18
    assert "2 more rows are like a test question" in loaded.notes[1]
    right = loaded.task.test[0].answer["answer"]
    scores = loaded.task.rubric(
        loaded.task.test[0], [Completion(f"<think>\n</think><answer>{x}</answer>") for x in (right, 7)]
    )
    assert [score.parts for score in scores] == [{"correct": 1, "formatted": 1}, {"correct": 0, "formatted": 1}]
    assert [score.total for score in scores] == [1.1, 0.1]


def test_puzzles_are_kept_apart_by_their_numbers_in_any_order(tmp_path):
    puzzles = [{"nums": [44, 19, 35], "target": 98}, {"nums": [63, 95, 96], "target": 64}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, puzzles)))
    (tmp_path / "b.jsonl").write_text(json.dumps({"nums": [35, 44, 19], "target": 98}))
    task = Data(train=str(tmp_path / "a.jsonl"), test=str(tmp_path / "b.jsonl")).load().task
    assert {tuple(p.answer["numbers"]) for p in task.draw(10, 0)} == {(63, 95, 96)}
    assert "98" in task.test[0].prompt and "each number exactly once" in task.test[0].prompt


def test_the_wording_is_the_users_own(tmp_path):
    name = sums(tmp_path / "a.jsonl", range(30))
    task = Data(train=name, test=sums(tmp_path / "b.jsonl", [99]), wording="Q: {question}").load().task
    assert (
        task.test[0].prompt == "User: Q: Ann had 99 apples and then she got 99 more from Bob; how many now?\nAssistant:"
    )
    with pytest.raises(DataError, match="does not hold {question}"):
        Data(train=name, wording="Q").load()


def test_two_sides_of_different_kinds_are_refused(tmp_path):
    (tmp_path / "b.jsonl").write_text(json.dumps({"nums": [2, 3], "target": 5}))
    with pytest.raises(DataError, match="of kind math and .* of kind countdown"):
        Data(train=sums(tmp_path / "a.jsonl", range(30)), test=str(tmp_path / "b.jsonl")).load()


def test_a_recipe_names_data_in_its_own_table(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text(
        f'[data]\ntrain = "{sums(tmp_path / "a.jsonl", range(9))}"\ncolumns = {{ question = "question", target = 24 }}\n'
    )
    assert load(Zero, file).data.columns == {"question": "question", "target": 24}
    file.write_text('[data]\ntrian = "gsm8k"\n')
    with pytest.raises(ConfigError, match="data.trian.*did you mean 'data.train'"):
        load(Zero, file)


def test_an_evaluation_asks_all_rows_in_order_or_what_a_recipe_tests_on(tmp_path):
    name = sums(tmp_path / "a.jsonl", range(40))
    whole = preset("data").build(Source(tmp_path / "a.jsonl", plain=True)).task
    assert [p.answer["answer"] for p in whole.test] == [str(2 * n) for n in range(40)]
    assert whole.rubric(whole.test[0], [Completion("So it is 0.")])[0].parts == {
        "correct": 1,
        "correct_strict": 0,
        "formatted": 0,
    }
    (tmp_path / "r.toml").write_text(f'steps = 3\n[data]\ntrain = "{name}"\ntest_count = 2\n')
    of_recipe = preset("data").build(Source(tmp_path / "r.toml")).task
    assert len(of_recipe.test) == 2 and of_recipe.test == Data(train=name, test_count=2).load().task.test
    (tmp_path / "r.toml").write_text("steps = 3\n")
    with pytest.raises(DataError, match=r"r.toml has no \[data\]"):
        preset("data").build(Source(tmp_path / "r.toml"))


@pytest.mark.parametrize("of", [1, 7])
def test_picks_go_through_all_before_any_comes_again(of):
    found = picks(of, 3 * of, "x")
    assert all(sorted(found[i * of : (i + 1) * of]) == list(range(of)) for i in range(3))
    assert picks(of, 2, "x") == found[:2]
