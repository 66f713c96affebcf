"""Supervised fine-tuning: the gradient is that of plain cross-entropy on replies, and a continued run goes the same way."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from aha.chat import Chat
from aha.errors import ConfigError, DataError
from aha.models.folder import load_model
from aha.rollout.engine import TorchEngine
from aha.train import sft
from aha.train.sft import Sft
from aha.train.state import restore, store
from aha.types import Example, Sampling
from tests.toys import toy_chat, toy_model

SMALL = Sft(epochs=2, examples=3, lr=0.01, warmup=1, max_tokens=64)
EXAMPLES = [Example(f"User: {i // 2}\nAssistant:", f"<think>{i} yes</think>" + " no" * i, id=str(i)) for i in range(7)]


def run(settings=SMALL, examples=EXAMPLES, model=None, seed=0):
    model = model or toy_model()
    state = sft.start(model, settings)
    return model, list(sft.train(model, toy_chat(), examples, settings, state, seed)), state


def plain_loss(model, examples):
    """The mean cross-entropy of reply tokens, every example computed alone."""
    chat, losses = toy_chat(), []
    for example in examples:
        prompt, reply = chat.encode(example.prompt), [*chat.encode(example.reply), chat.end_id]
        logits_TV = model(torch.tensor([prompt + reply[:-1]]))[0, len(prompt) - 1 :]
        losses.append(F.cross_entropy(logits_TV, torch.tensor(reply), reduction="none"))
    return torch.cat(losses).mean()


@pytest.mark.parametrize("micro_tokens", [10**6, 60, 1])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_the_gradient_is_that_of_plain_cross_entropy_however_it_is_cut(family, micro_tokens):
    model = toy_model(family)
    loss = plain_loss(model, EXAMPLES)
    loss.backward()
    expected = [p.grad for p in model.parameters()]
    settings = SMALL.model_copy(update={"micro_tokens": micro_tokens})
    state = sft.start(model, settings)
    sums = sft.gradients(model, sft.batch_of(sft.tokenize(EXAMPLES, toy_chat(), settings)), settings, state)
    assert sums["loss"] == pytest.approx(loss.item(), rel=1e-5)
    for master, grad in zip(state.masters.tensors, expected, strict=True):
        torch.testing.assert_close(master.grad, grad, atol=2e-5, rtol=1e-3)


def test_in_double_precision_packing_changes_nothing_at_all():
    model, replies = toy_model().double(), sft.tokenize(EXAMPLES, toy_chat(), SMALL)
    loss = plain_loss(model, EXAMPLES)
    loss.backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    sft.cross_entropy(model, sft.batch_of(replies))
    for weight, grad in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, grad, atol=1e-6, rtol=1e-6)


def test_what_other_examples_say_changes_no_loss_of_an_example():
    model, [first, *_] = toy_model(), sft.tokenize(EXAMPLES, toy_chat(), SMALL)
    alone = sft.cross_entropy(model, sft.batch_of([first]))
    for others in (EXAMPLES[1:4], EXAMPLES[4:]):
        replies = [first, *sft.tokenize(others, toy_chat(), SMALL)]
        together = sft.cross_entropy(model, sft.batch_of(replies))["loss"] * sum(len(r.token_ids) for r in replies)
        rest = plain_loss(model, others).item() * sum(len(r.token_ids) for r in replies[1:])
        assert together - rest == pytest.approx(alone["loss"] * len(first.token_ids), abs=1e-3)


def test_every_reply_token_and_its_end_are_trained_and_no_prompt_token():
    replies = sft.tokenize(EXAMPLES[:2], toy_chat(), SMALL)
    sums = sft.cross_entropy(toy_model(), sft.batch_of(replies))
    assert all(reply.token_ids[-1] == toy_chat().end_id for reply in replies)
    assert sums["trained_tokens"] == sum(len(toy_chat().encode(e.reply)) + 1 for e in EXAMPLES[:2])


def test_examples_of_one_prompt_share_it():
    prompt = "User: " + "1 " * 200 + "\nAssistant:"
    replies = sft.tokenize(
        [Example(prompt, f"{i}") for i in range(8)], toy_chat(), SMALL.model_copy(update={"max_tokens": 999})
    )
    assert sft.cross_entropy(toy_model(), sft.batch_of(replies))["computed_tokens"] < 2 * len(replies[0].prompt_ids)


def test_it_learns_its_examples_by_heart_and_to_stop():
    settings = SMALL.model_copy(update={"epochs": 60, "lr": 0.02})
    model, records, _ = run(settings, EXAMPLES[::2])
    assert records[-1]["loss"] < 0.05 < records[0]["loss"]
    groups = TorchEngine(model, toy_chat()).generate([e.prompt for e in EXAMPLES[::2]], Sampling(1, 40, temperature=0))
    assert [(group[0].text, group[0].finish) for group in groups] == [(e.reply, "stop") for e in EXAMPLES[::2]]


def test_every_epoch_reads_each_example_once_in_another_order():
    for count, settings in ((7, SMALL), (6, SMALL), (2, SMALL), (7, SMALL.model_copy(update={"examples": 1}))):
        half = math.ceil(count / settings.examples)
        order = [sft.drawn(step, count, settings, seed=4) for step in range(2 * half)]
        first, second = sum(order[:half], []), sum(order[half:], [])
        assert sorted(first) == sorted(second) == list(range(count))
        assert max(map(len, order)) - min(map(len, order)) <= 1 and max(map(len, order)) <= settings.examples
        assert count < 6 or first != second


def test_steps_are_counted_before_training():
    _, records, state = run()
    assert sft.steps(EXAMPLES, toy_chat(), SMALL) == len(records) == state.step == state.planned == 6
    assert records[-1]["epoch"] == 2.0 and [record["examples"] for record in records] == [3, 2, 2] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("killed_after", range(6))
def test_a_run_killed_and_continued_ends_with_the_same_bits(tmp_path, killed_after, dtype):
    _, whole, expected = run(model=toy_model().to(dtype))
    model = toy_model().to(dtype)
    state = sft.start(model, SMALL)
    records = sft.train(model, toy_chat(), EXAMPLES, SMALL, state, 0)
    before = [next(records) for _ in range(killed_after)]
    store(model, toy_chat(), state, tmp_path)
    model = load_model(tmp_path, dtype)
    state = sft.start(model, SMALL)
    restore(model, state, tmp_path, dtype)
    after = list(sft.train(model, Chat.load(tmp_path), EXAMPLES, SMALL, state, 0))
    assert [r["loss"] for r in before + after] == [r["loss"] for r in whole]
    assert all(torch.equal(a, b) for a, b in zip(state.masters.tensors, expected.masters.tensors, strict=True))


def test_a_run_that_is_done_takes_no_further_step():
    model, _, state = run()
    assert list(sft.train(model, toy_chat(), EXAMPLES, SMALL, state, 0)) == []


def test_another_seed_takes_another_path():
    assert [r["loss"] for r in run(seed=0)[1]] != [r["loss"] for r in run(seed=1)[1]]


def test_weights_change_only_after_hold_is_called():
    model, held = toy_model(), []
    state = sft.start(model, SMALL)
    before = model.embed.weight.clone()
    hold = lambda: held.append(torch.equal(model.embed.weight, before))  # noqa: E731
    next(sft.train(model, toy_chat(), EXAMPLES, SMALL, state, 0, hold))
    assert held == [True] and not torch.equal(model.embed.weight, before)


def test_long_examples_are_left_out_and_counted_never_cut():
    tokens = [len(toy_chat().encode(e.prompt)) + len(toy_chat().encode(e.reply)) + 1 for e in EXAMPLES]
    settings = SMALL.model_copy(update={"max_tokens": sorted(tokens)[4]})
    _, records, _ = run(settings)
    assert {record["too_long"] for record in records} == {2}
    assert sum(record["trained_tokens"] for record in records) == 2 * sum(
        len(toy_chat().encode(e.reply)) + 1 for e, n in zip(EXAMPLES, tokens, strict=True) if n <= settings.max_tokens
    )
    assert sft.summary(EXAMPLES, toy_chat(), settings).endswith(
        f"4 steps; 2 longer than max_tokens={settings.max_tokens} are left out"
    )


@pytest.mark.parametrize(
    "examples, says",
    [
        ([], "no examples to fine-tune on"),
        ([Example("User: 1\nAssistant:", "no " * 99)], "all 1 are longer than max_tokens=64"),
        ([Example("", "yes", id="toy/3")], "example 'toy/3' has an empty prompt"),
        ([Example("User: 1\nAssistant:", "yes<|end|> no", id="toy/4")], "example 'toy/4' holds an end or padding"),
    ],
)
def test_examples_that_cannot_be_learnt_are_refused_in_one_line(examples, says):
    with pytest.raises(DataError, match=says) as caught:
        run(examples=examples)
    assert "\n" not in str(caught.value)


def test_more_tokens_than_the_model_has_positions_are_refused():
    with pytest.raises(ConfigError, match="max_tokens=4096 is more than the 2048 positions"):
        run(SMALL.model_copy(update={"max_tokens": 4096}))


def test_the_learning_rate_rises_and_falls_along_a_cosine_to_its_end():
    settings, state = SMALL.model_copy(update={"warmup": 1, "lr_end": 0.1}), sft.start(toy_model(), SMALL)
    state.planned, rates = 101, []
    for state.step in range(101):
        rates.append(sft.learning_rate(settings, state) / settings.lr)
    assert rates[0] == 0.5 and rates[50] == pytest.approx(0.55) and rates[100] == pytest.approx(0.1)
    assert rates[25] == pytest.approx(0.1 + 0.9 * (2 + math.sqrt(2)) / 4)


def test_a_gradient_that_is_not_finite_is_dropped_and_counted():
    model = toy_model()
    state = sft.start(model, SMALL)
    before = [p.detach().clone() for p in model.parameters()]

    def broken(policy, micro):
        stats = sft.cross_entropy(policy, micro)
        policy.embed.weight.grad.fill_(math.inf)
        return stats

    record = next(sft.train(model, toy_chat(), EXAMPLES, SMALL, state, 0, backward=broken))
    assert record["skipped_updates"] == 1.0 and all(t.grad is None for t in state.masters.tensors)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_the_gradient_does_not_depend_on_the_number_of_threads():
    before, found = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        model = toy_model()
        state = sft.start(model, SMALL)
        sft.gradients(model, sft.batch_of(sft.tokenize(EXAMPLES, toy_chat(), SMALL)), SMALL, state)
        found.append([tensor.grad for tensor in state.masters.tensors])
    torch.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-4)
