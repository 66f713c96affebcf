"""Reinforcement with an engine that has weights of its own: it samples from the trainer's at every step."""

from __future__ import annotations

import importlib.util

import pytest

from aha.chat import Chat
from aha.errors import ConfigError
from aha.models.folder import load_model
from aha.pipeline.recipes import load_recipe
from aha.pipeline.rl import zero
from aha.pipeline.screen import Screen
from aha.rollout.engine import TorchEngine
from aha.rollout.vllm_engine import VllmEngine
from aha.tables import read_jsonl

SETTINGS = [
    "--dtype=fp32", "--threads=1", "--engine=vllm", "--steps=3", "--grpo.problems=4", "--grpo.group=8", "--grpo.max_tokens=64",
    "--grpo.lr=1e-3", "--task.by=expression", "--task.test_count=8", "--evaluate.questions=2", "--evaluate.samples=2",
    "--evaluate.final_questions=4", "--evaluate.final_samples=2", "--health.only_warn=['mismatch', 'no-signal', 'explosion']",
]  # fmt: skip
HAS_VLLM = importlib.util.find_spec("vllm") is not None


class Apart(TorchEngine):
    """An engine with its own copy of the base, like vLLM."""

    def __init__(self, folder, dtype):
        super().__init__(load_model(folder, dtype), Chat.load(folder))


class Deaf(Apart):
    def load_weights(self, named_tensors):
        """Goes on with the old ones."""


def recipe(tmp_path, *more):
    file = tmp_path / "zero.toml"
    file.write_text(f"out = {str(tmp_path / 'run')!r}\n")
    return load_recipe(file, [*SETTINGS, *more])


def gaps(settings):
    """The largest difference of log-probabilities between sampler and trainer, at every step."""
    with Screen() as screen:
        out = zero(settings, screen)
    return [row["gap_max"] for row in read_jsonl(out / "metrics.jsonl")]


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr("aha.pipeline.recipes.find_spec", lambda name: name)


def test_weights_are_pushed_after_every_step(tmp_path, monkeypatch, installed):
    monkeypatch.setattr("aha.pipeline.rl.VllmEngine", Apart)
    assert max(gaps(recipe(tmp_path))) < 1e-4


def test_an_engine_that_kept_old_weights_would_show(tmp_path, monkeypatch, installed):
    monkeypatch.setattr("aha.pipeline.rl.VllmEngine", Deaf)
    first, *later = gaps(recipe(tmp_path))
    assert first < 1e-4 < 1e-2 < max(later)


def test_a_continued_run_samples_from_what_it_had_learnt(tmp_path, monkeypatch, installed):
    monkeypatch.setattr("aha.pipeline.rl.VllmEngine", Apart)
    gaps(recipe(tmp_path))
    assert max(gaps(recipe(tmp_path, "--steps=4"))) < 1e-4


@pytest.mark.skipif(HAS_VLLM, reason="vllm is installed")
def test_without_vllm_the_run_is_refused_before_it_begins(tmp_path):
    with pytest.raises(ConfigError, match="engine is vllm, which is not installed here: docs/engines.md"):
        recipe(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    not HAS_VLLM, reason="vllm is not installed here: docs/engines.md says how to install it beside aha"
)
@pytest.mark.filterwarnings("ignore")  # of the library's own imports
def test_the_embedded_model_is_trained_through_vllm(tmp_path, monkeypatch):
    monkeypatch.setattr("aha.pipeline.rl.VllmEngine", lambda *words: VllmEngine(*words, memory=1 << 30))
    assert max(gaps(recipe(tmp_path))) < 1e-2
