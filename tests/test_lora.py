"""Low-rank adapters: the gradient is that of W0 + s B A, and what is saved is the merged model."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from aha.models.folder import load_model
from aha.models.lora import ALPHA, Adapted, adapt, adapted, plain_copy
from aha.pipeline.recipe import Machine
from aha.pipeline.training import spare_memory
from aha.rollout.engine import TorchEngine
from aha.train import grpo, sft
from aha.train.settings import Grpo
from aha.train.state import ADAPTERS, restore, store
from aha.types import Example, Sampling
from tests.toys import toy_chat, toy_model

EXAMPLES = [Example(f"User: {i // 2}\nAssistant:", f"<think>{i} yes</think>" + " no" * i, id=str(i)) for i in range(7)]
SMALL = sft.Sft(epochs=2, examples=3, lr=0.01, warmup=1, max_tokens=64, lora=4)
IDS = torch.tensor([[5, 6, 7, 8, 9]])


def trained(model, settings=SMALL):
    state = sft.start(model, settings)
    return state, list(sft.train(model, toy_chat(), EXAMPLES, settings, state, seed=0))


def wake(model):
    """Give every B random values: at zero, A has no gradient."""
    torch.manual_seed(1)
    for layer in adapted(model):
        layer.lora_b.data.normal_(std=0.01)
        layer.merge()


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_adapters_change_nothing_before_they_learn(family):
    model = toy_model(family)
    before = model(IDS)
    adapt(model, 4)
    assert torch.equal(model(IDS), before) and all("lora" in n for n, p in model.named_parameters() if p.requires_grad)


def test_the_gradient_of_an_adapter_is_that_of_the_sum_written_out():
    torch.manual_seed(0)
    layer = Adapted(torch.nn.Linear(6, 5), 2, torch.Generator().manual_seed(0))
    layer.lora_b.data.normal_()
    layer.merge()
    x = torch.randn(3, 6, requires_grad=True)
    a, b = (p.detach().clone().requires_grad_() for p in (layer.lora_a, layer.lora_b))
    written_out = F.linear(x, layer.base + ALPHA / 2 * b @ a, layer.bias)
    expected = torch.autograd.grad(written_out.square().sum(), (x, a, b))
    found = torch.autograd.grad(layer(x).square().sum(), (x, layer.lora_a, layer.lora_b))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_training_lowers_the_loss_and_leaves_all_but_the_matrices_in_the_blocks_alone(dtype):
    model = toy_model().to(dtype)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    _, records = trained(model, SMALL.model_copy(update={"epochs": 8}))
    assert records[-1]["loss"] < records[0]["loss"] - 0.3
    assert torch.equal(model.embed.weight, before["embed.weight"])
    assert not torch.equal(model.blocks[0].mlp.up.weight, before["blocks.0.mlp.up.weight"])


def test_a_saved_model_is_the_merged_one_and_the_engine_samples_from_it(tmp_path):
    model, chat = toy_model(), toy_chat()
    state, _ = trained(model)
    store(model, chat, state, tmp_path)
    loaded = load_model(tmp_path, torch.float32)
    torch.testing.assert_close(loaded(IDS), model(IDS))
    ours, theirs = (TorchEngine(m, chat).generate(["User: 3"], Sampling(4, 20, seed=3)) for m in (model, loaded))
    assert [c.token_ids for c in ours[0]] == [c.token_ids for c in theirs[0]]


def test_a_run_continued_from_a_checkpoint_ends_as_one_that_was_not(tmp_path):
    whole = toy_model()
    trained(whole)
    model, chat = toy_model(), toy_chat()
    state = sft.start(model, SMALL)
    steps = sft.train(model, chat, EXAMPLES, SMALL, state, seed=0)
    next(steps), next(steps)
    store(model, chat, state, tmp_path)
    assert (tmp_path / ADAPTERS).exists()
    again = toy_model()
    state = sft.start(again, SMALL)
    restore(again, state, tmp_path, torch.float32)
    list(sft.train(again, chat, EXAMPLES, SMALL, state, seed=0))
    for ours, theirs in zip(again.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_threads_share_the_weights_that_do_not_learn():
    model = toy_model()
    state, _ = trained(model)
    replica = state.masters.replicas[0].model
    assert replica.blocks[0].mlp.up.base.data_ptr() == model.blocks[0].mlp.up.base.data_ptr()
    assert replica.embed.weight.data_ptr() == model.embed.weight.data_ptr()


def test_a_plain_copy_has_what_the_adapters_learnt_and_no_adapters():
    model = toy_model("qwen2")
    adapt(model, 4)
    wake(model)
    copied = plain_copy(model)
    assert torch.equal(copied(IDS), model(IDS)) and not list(adapted(copied))


def test_reinforcement_keeps_the_base_as_its_reference():
    model = toy_model()
    base = copy.deepcopy(model)
    state = grpo.start(model, Grpo(kl=0.1, lora=4))
    assert state.reference is not None and not list(adapted(state.reference))
    assert torch.equal(state.reference(IDS), base(IDS))


@pytest.mark.parametrize("lora", [0, 4])
def test_recomputing_layers_gives_the_same_gradient_to_the_bit(lora):
    grads = []
    for recompute in (False, True):
        model = toy_model()
        model.recompute = recompute
        settings = SMALL.model_copy(update={"lora": lora})
        state = sft.start(model, settings)
        sft.gradients(model, sft.batch_of(sft.tokenize(EXAMPLES, toy_chat(), settings)), settings, state)
        grads.append([master.grad for master in state.masters.tensors])
    for kept, again in zip(*grads, strict=True):
        assert (kept is None and again is None) or torch.equal(kept, again)


@pytest.mark.parametrize(("free", "recomputes"), [(1 << 40, False), (1 << 20, True)])
def test_layers_are_computed_again_only_where_memory_is_short(monkeypatch, free, recomputes):
    monkeypatch.setattr("aha.models.memory.available", lambda: free)
    training, said = SimpleNamespace(policy=toy_model()), []
    spare_memory(training, Grpo(), Machine(dtype="fp32"), said.append)
    assert training.policy.recompute is recomputes and len(said) == recomputes
