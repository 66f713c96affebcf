"""`aha doctor MODEL`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from aha.cli import app
from aha.errors import ModelError
from aha.models.folder import save_model
from tests.test_families import edit
from tests.toys import toy_chat, toy_model


def test_the_doctor_says_what_a_model_is_and_takes(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    found = CliRunner().invoke(app, ["doctor", str(tmp_path)])
    assert found.exit_code == 0, found.output
    for word in ("llama, 0.1 M weights", "2 layers of width 32", "plain text", "<|end|>", "<think>", "RL"):
        assert word in found.output
    record = json.loads(CliRunner().invoke(app, ["doctor", str(tmp_path), "--json"]).output)
    assert record["weights"] == sum(p.numel() for p in toy_model().parameters())
    memory = record["memory"]
    assert 0 < memory["sampling"] < memory["sft_lora"] < memory["sft"] <= memory["rl"]
    assert 0 < record["free"] <= record["here"]


def test_a_folder_without_weights_is_enough_to_say_what_they_would_take(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    whole = json.loads(CliRunner().invoke(app, ["doctor", str(tmp_path), "--json"]).output)
    (tmp_path / "model.safetensors").unlink()
    bare = json.loads(CliRunner().invoke(app, ["doctor", str(tmp_path), "--json"]).output)
    assert bare["memory"] == whole["memory"] and bare["weights"] == whole["weights"]
    assert "holds no weights" in bare["slow"][0]


def test_the_doctor_names_what_it_cannot_use(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    edit(tmp_path, hidden_size=64)
    with pytest.raises(ModelError, match="do not fit"):
        CliRunner().invoke(app, ["doctor", str(tmp_path)], catch_exceptions=False)
    edit(tmp_path, model_type="gpt9")
    found = CliRunner().invoke(app, ["doctor", str(tmp_path)])
    assert "runs through transformers" in found.output
