"""Pre-training: the loss falls, its gradient is that of one plain cross-entropy, and masters follow the optimizer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from aha.chat import Chat
from aha.errors import ModelError, UnsoundError
from aha.models.folder import TINY, load_model, read_config, resolve, shipped
from aha.models.precision import DTYPES, fastest
from aha.models.transformer import Transformer
from aha.rollout.engine import TorchEngine
from aha.train.optim import MasterWeights, Replica, gradients_side_by_side, split_for_muon
from aha.train.pretrain import SHAPES, Pretrain, cut, first_pass, make_base, next_token_loss, pretrain, second_pass
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

STUDENTS = [name for name in shipped() if name != "tiny"]


@pytest.mark.slow
def test_the_loss_falls():
    model, seen = toy_model(), []
    with torch.no_grad():
        for weight in model.parameters():
            weight.div_(5 if weight.dim() == 2 else 1)
    pretrain(model, toy_chat(), first_pass(Pretrain(tokens=120_000, batch_tokens=1024)), seen.append)
    assert seen[0]["loss"] > 6.5 and seen[-1]["loss"] < 5


def test_the_loss_and_its_gradient_are_those_of_plain_cross_entropy():
    model, ids_BT = toy_model(), torch.randint(0, len(toy_chat()), (3, 30))
    plain = F.cross_entropy(model(ids_BT[:, :-1]).flatten(0, 1), ids_BT[:, 1:].flatten())
    plain.backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    assert next_token_loss(model, ids_BT, rows=3) == pytest.approx(float(plain.detach()), rel=1e-5)
    for weight, grad in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, grad, atol=1e-5, rtol=1e-4)


def test_long_rows_come_last_and_hold_fewer_searches():
    short, long = first_pass(Pretrain(tokens=10_000_000)).readings
    assert short.tokens < long.tokens and short.think > long.think
    assert short.batches * short.rows * short.tokens > 7_000_000


def test_the_learning_rate_rises_stays_and_falls_to_nothing():
    plan = first_pass(Pretrain(tokens=16_384_000))
    values = [plan.rate(step) for step in range(plan.steps + 1)]
    assert values[0] < values[49] == values[500] == 1.0 and values[-1] == 0.0


@pytest.mark.slow
def test_an_interrupted_second_pass_starts_from_the_first_one(tmp_path):
    settings, said = Pretrain(tokens=2048, polish_tokens=2048, batch_tokens=1024, late=0.5), []
    make_base(settings, tmp_path / "base", said.append)
    before = (tmp_path / "base-first" / "model.safetensors").read_bytes()
    again: list[str] = []
    make_base(settings, tmp_path / "base", again.append)
    assert len(again) < len(said) and (tmp_path / "base-first" / "model.safetensors").read_bytes() == before


def test_the_second_pass_ends_with_fewer_searches_and_drills():
    many, few = second_pass(Pretrain()).readings
    assert many.think > few.think and many.drill == few.drill > 0 and many.broad == few.broad > 0


def test_gradients_of_micro_batches_add_up_in_full_precision_over_threads():
    model, before = toy_model().bfloat16(), torch.get_num_threads()
    masters = MasterWeights(model)

    def backward(replica, part):
        for weight in replica.parameters():
            weight.grad = torch.full_like(weight, 0.1)
        return part

    assert gradients_side_by_side(model, masters, [[1, 2], [3]], backward) == [1, 2, 3]
    tenth = torch.tensor(0.1).bfloat16().float()
    assert all(torch.allclose(t.grad, 3 * tenth.expand_as(t)) for t in masters.tensors)
    assert all(weight.grad is None for weight in model.parameters()) and torch.get_num_threads() == before


def test_replicas_see_new_weights_at_once():
    model = toy_model()
    replica = Replica(model)
    with torch.no_grad():
        model.embed.weight.add_(1)
    assert torch.equal(replica.model.embed.weight, model.embed.weight) and replica.weights[0] is not model.embed.weight


def test_weights_that_are_no_numbers_any_more_end_the_training():
    for dtype in (torch.float32, torch.bfloat16):
        masters = MasterWeights(toy_model().to(dtype))
        masters.publish()
        masters.tensors[3].data.view(-1)[5] = torch.inf
        with pytest.raises(UnsoundError, match=f"first in {masters.names[3]}: lower the learning rate"):
            masters.publish()


def test_muon_takes_the_matrices_of_the_blocks_and_nothing_else():
    masters = MasterWeights(toy_model())
    inner, outer = split_for_muon(masters)
    assert len(inner) + len(outer) == len(masters.tensors)
    assert all(t.dim() == 2 for t in inner) and len(inner) == 2 * 5  # qkv, out, gate, up, down


@pytest.mark.slow
def test_a_student_is_made_with_the_tokenizer_of_the_embedded_base(tmp_path):
    settings = Pretrain(shape="mini-qwen", tokens=1024, polish_tokens=1024, batch_tokens=1024, late=0.0)
    make_base(settings, tmp_path / "student", lambda line: None)
    assert (tmp_path / "student" / "tokenizer.json").read_bytes() == (TINY / "tokenizer.json").read_bytes()
    assert read_config(tmp_path / "student").family == "qwen3"


def test_students_are_a_third_of_the_base_and_more_than_half_of_it():
    weights = {name: sum(p.numel() for p in Transformer(c).parameters()) for name, c in SHAPES.items()}
    assert 0.5e6 < weights["mini-llama"] < 0.7e6 and 0.5e6 < weights["mini-qwen"] < 0.7e6
    assert weights["tiny"] / 2 < weights["half"] < 1.4e6


def test_the_half_base_keeps_the_first_and_the_last_layer_of_the_base():
    base, model = (Transformer(replace(SHAPES[name], vocab_size=64)) for name in ("tiny", "half"))
    cut(base, model)
    assert torch.equal(model.blocks[1].mlp.up.weight, base.blocks[3].mlp.up.weight)
    assert torch.equal(model.embed.weight, base.embed.weight) and len(model.blocks) == 2


def test_students_decode_with_the_loops_that_are_compiled_for_the_base():
    base = SHAPES["tiny"]
    for c in SHAPES.values():
        assert c.head_dim == base.head_dim
        assert c.num_attention_heads // c.num_key_value_heads == base.num_attention_heads // base.num_key_value_heads


@pytest.mark.parametrize("name", STUDENTS)
def test_a_shipped_student_is_of_its_shape_and_reads_as_the_base_does(name):
    model, c = load_model(resolve(name), DTYPES[fastest()]), SHAPES[name]
    assert (model.config.hidden_size, model.config.family) == (c.hidden_size, c.family)
    assert Chat.load(resolve(name)).tokenizer.to_str() == Chat.load(TINY).tokenizer.to_str()
    [[reply]] = TorchEngine(model, Chat.load(TINY)).generate(
        ["User: Using the numbers 1, 2, 4, make 6.\nAssistant:"], Sampling(1, 200, temperature=0)
    )
    assert reply.finish == "stop" and reply.text.startswith("<think>") and reply.text.endswith("</answer>")


def test_shipped_models_stay_small_enough_to_be_downloaded_with_the_package():
    assert set(STUDENTS) <= set(SHAPES) and "mini-llama" in STUDENTS
    assert sum(file.stat().st_size for folder in shipped().values() for file in folder.iterdir()) < 12e6


def test_a_model_that_is_nowhere_is_refused_with_the_names_of_those_that_are_shipped():
    with pytest.raises(ModelError, match=f"no model folder 'midi-llama'.*: {', '.join(['tiny', *STUDENTS])}$"):
        resolve("midi-llama")
