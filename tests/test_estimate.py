"""What a run says of itself before it starts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from aha.cli import app
from aha.errors import DataError, ModelError
from aha.models.folder import save_model
from aha.pipeline import estimate
from aha.pipeline.recipe import Machine, Zero
from aha.pipeline.recipe_r1 import R1, FineTune
from aha.tasks.data import Data
from aha.train.settings import Grpo
from tests.toys import toy_chat, toy_model


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A folder of config and tokenizer, without weights."""
    folder = tmp_path_factory.mktemp("bare")
    save_model(toy_model(), toy_chat(), folder)
    (folder / "model.safetensors").unlink()
    return folder


@pytest.mark.parametrize("kind", [Zero, R1])
def test_a_config_and_a_tokenizer_are_enough(bare, kind):
    said = estimate.estimate(kind(base=str(bare), students=["mini-llama"]) if kind is R1 else kind(base=str(bare)))
    assert "0.1 M weights" in said[0] and any("has no weights" in line and "speed was not" in line for line in said)
    assert [line.partition(":")[0] for line in said if line.startswith("memory of")] == (
        ["memory of RL"] if kind is Zero else ["memory of SFT", "memory of RL"]
    )
    assert not any("minutes" in line for line in said)


def test_a_model_too_large_for_the_machine_is_not_measured(bare, monkeypatch, tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    monkeypatch.setattr("aha.models.memory.available", lambda: 1 << 20)
    speed, why = estimate.speed_here(tmp_path, Machine())
    assert speed is None and why.endswith("and 1 MiB are free")


def test_memory_is_said_for_the_stage_that_takes_most_and_how_it_could_fit(bare):
    stages = {"small": FineTune(micro_tokens=256), "large": FineTune(micro_tokens=65_536, lora=2)}
    [sft, here] = estimate.memory_lines(bare, stages, Machine(dtype="bf16"))
    assert "(large: adapters of rank 2, micro-batches of 65536 tokens, bf16)" in sft and here.startswith("memory here")
    needed, said = estimate.stage_memory(bare, "large", stages["large"], Machine(dtype="bf16"), free=1 << 20)
    assert needed > 1 << 20 and "where layers are computed again; more than is free here" in said


def test_a_reference_takes_its_weights(bare):
    plain, leashed = (Zero(base=str(bare), dtype="bf16", grpo=Grpo(kl=kl)) for kl in (0.0, 0.1))
    needed = [estimate.stage_memory(bare, "zero", s, s, 1 << 40)[0] for s in (plain, leashed)]
    assert needed[1] - needed[0] == 2 * sum(p.numel() for p in toy_model().parameters())


def test_a_base_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="nowhere"):
        estimate.estimate(Zero(base="nowhere"))


@pytest.mark.parametrize("words", ["--task.train=nowhere.parquet", "--data.train=nowhere.jsonl"])
def test_a_dry_run_says_its_sizes_and_then_that_the_data_are_not_there(words):
    done = CliRunner().invoke(app, ["run", "recipes/zero.toml", "--dry-run", words])
    assert "model: " in done.stdout and isinstance(done.exception, DataError) and "nowhere" in str(done.exception)


def test_how_many_rows_there_are_to_learn_from_is_said(tmp_path):
    file = tmp_path / "sums.jsonl"
    file.write_text("".join(f'{{"question": "What is {n} + 1?", "answer": "{n + 1}"}}\n' for n in range(60)))
    [first, *_] = estimate.data_lines(Zero(data=Data(train=str(file))))
    assert f"54 rows of {file}, of kind math; 6 to test on" in first
