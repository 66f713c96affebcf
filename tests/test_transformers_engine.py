"""The engine over the transformers library: the same replies as ours, and models that bring code."""

from __future__ import annotations

import json

import pytest
import torch

from aha.errors import ModelError
from aha.models.folder import save_model
from aha.rollout.engine import TorchEngine
from aha.rollout.load import load_engine
from aha.rollout.transformers_engine import TransformersEngine
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

transformers = pytest.importorskip("transformers")
PROMPTS = ["User: 1", [9, 8, 7, 6, 5, 30], "User: 1", "2"]


@pytest.mark.parametrize("changes", [{}, {"temperature": 0.7, "top_k": 9}, {"temperature": 0.0}, {"stop": ("1",)}])
def test_it_draws_the_replies_of_our_own_engine(tmp_path, changes):
    model = toy_model()
    save_model(model, toy_chat(), tmp_path)
    theirs = TransformersEngine.load(tmp_path, torch.float32)
    theirs.rows = 5
    sampling = Sampling(n=3, max_tokens=12, seed=4, **changes)
    ended = []
    found = theirs.generate(PROMPTS, sampling, lambda i, group: ended.append(i))
    expected = TorchEngine(model, toy_chat()).generate(PROMPTS, sampling)
    assert sorted(ended) == [0, 1, 2, 3]
    for ours, other in zip(sum(expected, []), sum(found, []), strict=True):
        assert (ours.token_ids, ours.text, ours.finish) == (other.token_ids, other.text, other.finish)
        assert ours.logprobs == pytest.approx(other.logprobs, abs=1e-3)


def test_another_family_runs_and_says_that_it_is_slower(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    config = transformers.GPT2Config(vocab_size=len(toy_chat()), n_embd=32, n_layer=2, n_head=2, n_positions=64)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    said = []
    engine = load_engine(tmp_path, torch.float32, said.append)
    [group] = engine.generate(["User: 1"], Sampling(n=2, max_tokens=5))
    assert len(group) == 2 and "gpt2" in said[0] and "several times slower" in said[0]


def test_weights_that_are_missing_or_no_numbers_are_refused_not_made_up(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    config = transformers.GPT2Config(vocab_size=len(toy_chat()), n_embd=32, n_layer=2, n_head=2, n_positions=64)
    config.save_pretrained(tmp_path)  # beside the weights of a Llama
    with pytest.raises(ModelError, match="do not fit config.json, first at .* is missing"):
        load_engine(tmp_path, torch.float32, print)
    model = transformers.GPT2LMHeadModel(config)
    model.transformer.wpe.weight.data[3] = torch.nan
    model.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="wpe.weight holds numbers that are not finite"):
        load_engine(tmp_path, torch.float32, print)


def test_code_that_comes_with_a_model_runs_only_when_it_is_asked_for(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    canary = tmp_path / "canary"
    (tmp_path / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    config = json.loads((tmp_path / "config.json").read_text())
    named = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "evil", "auto_map": named}))
    with pytest.raises(ModelError, match="only with remote_code=True"):
        load_engine(tmp_path, torch.float32, print)
    assert not canary.exists()
