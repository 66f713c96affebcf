"""Logit distillation: its loss is the formula's by hand, its gradient autograd's, and a student comes to its teacher."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from aha.chat import Chat
from aha.errors import ModelError
from aha.models.tokenizer import train_tokenizer
from aha.train import distill, sft
from aha.train.distill import Distill, imitation_loss
from aha.types import Example
from tests.toys import VOCAB, toy_chat, toy_model

SMALL = Distill(epochs=1, examples=4, lr=0.01, warmup=0, max_tokens=64)
EXAMPLES = [Example(f"User: {i}\nAssistant:", f"<think>{i} yes</think>" + " no" * i, id=str(i)) for i in range(4)]


def run(settings=SMALL, student=None, teacher=None, teacher_chat=None):
    student = student or toy_model(seed=1)
    state = distill.start(student, settings)
    teacher = teacher or toy_model("qwen3", hidden_size=48)
    records = distill.train(student, toy_chat(), teacher, teacher_chat or toy_chat(), EXAMPLES, settings, state, seed=0)
    return student, list(records)


def of_two(alpha, temperature, weight=1.0):
    """One token of a vocabulary of two: the teacher's odds are 3 to 1, the student's even, the first is the target."""
    head_VE = torch.eye(2)
    ours, theirs = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]])
    return imitation_loss(ours, head_VE, theirs, head_VE, torch.tensor([0]), torch.tensor([weight]), alpha, temperature)


def test_the_distance_is_that_computed_by_hand():
    loss, kl_N, logp_N = of_two(alpha=1.0, temperature=1.0)
    assert loss.item() == pytest.approx(0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    assert kl_N.tolist() == [pytest.approx(0.1308120)] and logp_N.tolist() == [pytest.approx(-math.log(2))]


def test_a_temperature_softens_both_and_its_square_scales_the_distance():
    p = math.sqrt(3) / (math.sqrt(3) + 1)  # odds of 3 to 1 at temperature 2
    kl = p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p))
    loss, kl_N, _ = of_two(alpha=1.0, temperature=2.0)
    assert kl_N.tolist() == [pytest.approx(kl)] and loss.item() == pytest.approx(4 * kl)


def test_alpha_mixes_the_distance_and_the_cross_entropy_and_the_weight_scales_both():
    loss, _, _ = of_two(alpha=0.25, temperature=1.0, weight=0.5)
    assert loss.item() == pytest.approx(0.5 * (0.25 * 0.1308120 + 0.75 * math.log(2)))


@pytest.mark.parametrize("alpha, temperature", [(0.0, 3.0), (0.5, 1.0), (0.9, 2.0), (1.0, 0.5)])
def test_the_gradient_is_that_of_autograd(alpha, temperature, monkeypatch):
    monkeypatch.setattr(distill, "CHUNK", 3)
    torch.manual_seed(0)
    ours, head = torch.randn(8, 5, dtype=torch.double), torch.randn(11, 5, dtype=torch.double)
    theirs, their_head = torch.randn(8, 7, dtype=torch.double), torch.randn(11, 7, dtype=torch.double)
    target, weight = torch.randint(11, (8,)), torch.rand(8, dtype=torch.double)
    ours.requires_grad_(), head.requires_grad_()
    soft_loss = F.kl_div(
        F.log_softmax(ours @ head.T / temperature, 1),
        F.softmax(theirs @ their_head.T / temperature, 1),
        reduction="none",
    ).sum(1)
    hard_loss = F.cross_entropy(ours @ head.T, target, reduction="none")
    plain = (weight * (alpha * temperature**2 * soft_loss + (1 - alpha) * hard_loss)).sum()
    expected = torch.autograd.grad(plain, (ours, head))
    loss, _, _ = imitation_loss(ours, head, theirs, their_head, target, weight, alpha, temperature)
    torch.testing.assert_close(loss, plain)
    for found, wanted in zip(torch.autograd.grad(loss, (ours, head)), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("micro_tokens", [10**6, 1])
def test_without_a_share_for_the_teacher_it_is_plain_fine_tuning(micro_tokens):
    settings = SMALL.model_copy(update={"alpha": 0.0, "temperature": 3.0, "micro_tokens": micro_tokens})
    student, [record] = run(settings)
    other = toy_model(seed=1)
    [plain] = sft.train(other, toy_chat(), EXAMPLES, settings, sft.start(other, settings), seed=0)
    assert record["loss"] == record["nll"] == pytest.approx(plain["loss"], rel=1e-5)
    assert record["grad_norm"] == pytest.approx(plain["grad_norm"], rel=1e-4)


def test_a_student_that_is_its_teacher_has_nothing_to_learn():
    _, [record] = run(SMALL.model_copy(update={"alpha": 1.0}), toy_model(), toy_model())
    assert record["loss"] == pytest.approx(0, abs=1e-6) and record["grad_norm"] < 1e-5


def test_a_smaller_student_of_another_family_comes_closer_to_its_teacher():
    teacher = toy_model("qwen3", hidden_size=48)
    before = [weight.clone() for weight in teacher.parameters()]
    _, records = run(SMALL.model_copy(update={"alpha": 1.0, "epochs": 100, "lr": 0.02}), teacher=teacher)
    assert records[-1]["kl"] < 0.1 * records[0]["kl"]
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, teacher.parameters(), strict=True))


def test_the_distance_is_what_the_two_models_say_at_each_reply_token():
    student, teacher, kl = toy_model(seed=1), toy_model(), []
    for example in EXAMPLES:
        prompt, reply = toy_chat().encode(example.prompt), toy_chat().encode(example.reply)
        ids_BT = torch.tensor([prompt + reply])
        log_q, log_p = (model(ids_BT)[0, len(prompt) - 1 :].log_softmax(-1) for model in (student, teacher))
        kl.append(F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(1))
    _, [record] = run(SMALL, student, teacher)
    assert record["kl"] == pytest.approx(torch.cat(kl).mean().item(), rel=1e-4)


def test_another_vocabulary_is_refused_in_one_line():
    stranger = Chat(train_tokenizer(["entirely other words here"] * 4, VOCAB))
    with pytest.raises(ModelError, match="needs one vocabulary.*fine-tune on the teacher's replies"):
        run(teacher_chat=stranger)
    with pytest.raises(ModelError, match="teacher's 1500 tokens are not the student's"):
        run(teacher=toy_model(vocab_size=1500))
