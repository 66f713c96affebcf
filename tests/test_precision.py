"""Which arithmetic a run computes in: what this processor is faster in, what was asked for, or what it began with."""

from __future__ import annotations

import json

import pytest
import torch

from aha.errors import ConfigError
from aha.models import precision as of
from aha.pipeline.recipes import load_recipe


@pytest.fixture
def recipe(tmp_path):
    file = tmp_path / "zero.toml"
    file.write_text(f'out = "{tmp_path / "run"}"\n')
    return file


@pytest.mark.parametrize(
    ("machine", "onednn", "products", "expected"),
    [
        ("x86_64", True, True, "bf16"),
        ("x86_64", True, False, "fp32"),
        ("x86_64", False, False, "fp32"),
        ("aarch64", True, False, "bf16"),
        ("aarch64", False, False, "fp32"),
    ],
)
def test_bf16_is_for_processors_that_multiply_it(monkeypatch, machine, onednn, products, expected):
    monkeypatch.setattr(of.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: products)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn, raising=False)
    assert of.fastest.__wrapped__() == expected


def test_a_named_precision_is_taken_and_an_unknown_one_refused():
    assert of.precision("bf16") == "bf16" and of.precision("") == of.fastest()
    with pytest.raises(ConfigError, match="--dtype is 'fp8'; give bf16 or fp32"):
        of.precision("fp8")


def test_a_recipe_that_names_none_computes_in_the_fastest(recipe):
    assert load_recipe(recipe, []).dtype == of.fastest()


@pytest.mark.parametrize("began", ["bf16", "fp32"])
def test_a_run_goes_on_in_the_arithmetic_that_it_began_with(recipe, tmp_path, began):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.toml").write_text(f'dtype = "{began}"\n')
    assert load_recipe(recipe, []).dtype == began
    assert load_recipe(recipe, ["--dtype", "fp32"]).dtype == "fp32"


def test_a_run_of_stages_goes_on_in_the_arithmetic_that_it_began_with(recipe, tmp_path):
    stage = tmp_path / "run" / "stages" / "zero-1"
    stage.mkdir(parents=True)
    other = "bf16" if of.fastest() == "fp32" else "fp32"
    (stage / "stage.json").write_text(json.dumps({"machine": {"dtype": other}}))
    assert load_recipe(recipe, []).dtype == other


@pytest.mark.parametrize("text", ["", "dtype = 5", "dtype = 'fp8'", "{"])
def test_a_run_folder_that_cannot_be_read_decides_nothing(recipe, tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.toml").write_text(text)
    assert load_recipe(recipe, []).dtype == of.fastest()
