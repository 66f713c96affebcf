"""The GRPO loop: it learns, its batches leave the gradient alone, and replies without a grade teach nothing."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch

from aha.rewards.rubric import Rubric, each
from aha.rollout.engine import TorchEngine
from aha.tasks.base import Task
from aha.train import grpo
from aha.train.batch import collate, micro_batches, pack, shares
from aha.train.loss import weigh_by_token
from aha.train.rollouts import roll_out
from aha.train.settings import Grpo
from aha.types import Completion, Problem, Sampling
from tests.toys import toy_chat, toy_model

SMALL = Grpo(problems=4, group=8, max_tokens=6, lr=0.02, warmup=0, micro_tokens=64)


@each
def low_token(problem, completion):
    """Half of the vocabulary is right, so a random model earns about a half."""
    return float(sum(i < 700 for i in completion.token_ids) / len(completion.token_ids))


@each
def broken(problem, completion):
    return None


def toy_task(*rewards):
    problems = [Problem(f"question {i}", id=str(i)) for i in range(50)]
    rubric = Rubric(*((1.0, reward) for reward in rewards))
    return Task(
        "toy",
        lambda count, seed: [problems[(seed + i) % 50] for i in range(count)],
        problems,
        rubric,
        lambda p, c: c.text,
    )


def run(settings, steps, task=None, model=None, state=None):
    model = model or toy_model()
    engine = TorchEngine(model, toy_chat())
    state = state or grpo.start(model, settings)
    records = [r for _, r in grpo.train(model, engine, task or toy_task(low_token), settings, state, steps, seed=0)]
    return model, records, state


@pytest.mark.parametrize(
    "changes",
    [{}, {"updates": 2}, {"surrogate": "cispo", "clip_high": 5.0}, {"surrogate": "gspo", "weight": "reply"},
     {"advantage": "centred", "weight": "constant"}, {"advantage": "leave-one-out"}, {"kl": 0.01, "reference_every": 5},
     {"kl": 0.01, "kl_estimator": "k3-corrected"}, {"refill": 2}, {"importance_cap": 2.0, "updates": 2}],
    ids=str,
)  # fmt: skip
def test_every_variant_learns(changes):
    _, records, _ = run(SMALL.model_copy(update=changes), 12)
    assert records[-1]["reward"] > records[0]["reward"] + 0.15


def test_sampler_and_trainer_agree_on_the_first_update():
    _, [record], _ = run(SMALL, 1)
    assert record["gap_max"] < 1e-4
    assert record["ratio"] == pytest.approx(1.0, abs=1e-4) and record["clipped"] == 0


@pytest.mark.parametrize(("told", "factor"), [(0.0, 1.0), (math.log(2), 0.5), (-math.log(4), 2.0)])
def test_tokens_of_a_sampler_that_differs_are_weighed_by_a_truncated_ratio(told, factor):
    model, settings = toy_model(), SMALL.model_copy(update={"importance_cap": 2.0})
    rollout, _ = roll_out(TorchEngine(model, toy_chat()), toy_task(low_token), settings, 0)
    [true] = grpo.prepare(rollout, settings)
    batch = replace(true, sampled_logp_BT=true.sampled_logp_BT + told, old_logp_BT=true.old_logp_BT + told)
    found = grpo.corrected(model, batch, settings)
    torch.testing.assert_close(found.old_logp_BT, true.old_logp_BT, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.weight_BT, true.weight_BT * factor, atol=1e-5, rtol=1e-3)


def test_cutting_into_micro_batches_does_not_change_the_gradient():
    model = toy_model()
    rollout, _ = roll_out(TorchEngine(model, toy_chat()), toy_task(low_token), SMALL, 0)
    [batch] = grpo.prepare(rollout, SMALL)
    found = []
    for tokens in (10**6, 40, 1):
        state = grpo.start(model, SMALL)
        grpo.gradients(model, batch, SMALL.model_copy(update={"micro_tokens": tokens}), state)
        found.append([tensor.grad for tensor in state.masters.tensors])
    for whole, *cut in zip(*found, strict=True):
        for part in cut:
            torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-4)


def test_the_learning_rate_rises_at_first_and_falls_to_its_end():
    settings = SMALL.model_copy(update={"warmup": 3, "lr_end": 0.5})
    state = grpo.start(toy_model(), settings)
    state.planned = 10
    rates = []
    for state.step in range(11):
        rates.append(grpo.learning_rate(settings, state) / settings.lr)
    assert rates[0] == 0.25 and max(rates) == rates[3] == pytest.approx(0.85) and rates[10] == pytest.approx(0.5)


def test_a_failed_grader_changes_no_weight_and_is_counted():
    before = toy_model()
    after, [record], _ = run(SMALL, 1, toy_task(broken))
    assert record["failed"] == SMALL.problems * SMALL.group
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_groups_of_equal_rewards_change_no_weight():
    @each
    def constant(problem, completion):
        return 1.0

    before = toy_model()
    after, [record], _ = run(SMALL, 1, toy_task(constant))
    assert record["zero_signal"] == 1.0 and record["trained_tokens"] == 0
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_refilling_replaces_groups_without_a_signal():
    @each
    def odd_questions_only(problem, completion):
        return low_token.__wrapped__(problem, completion) if int(problem.id) % 2 else 1.0

    plain, _ = roll_out(TorchEngine(toy_model(), toy_chat()), toy_task(odd_questions_only), SMALL, 0)
    filled, _ = roll_out(
        TorchEngine(toy_model(), toy_chat()), toy_task(odd_questions_only), SMALL.model_copy(update={"refill": 3}), 0
    )
    assert plain.flat_groups == 2 and len(filled.groups) == SMALL.problems
    assert sum(int(p.id) % 2 for p in filled.problems) > 2


def test_a_gradient_that_is_not_finite_is_dropped_and_counted():
    model = toy_model()
    state = grpo.start(model, SMALL)
    before = copy.deepcopy(model.state_dict())
    for tensor in state.masters.tensors:
        tensor.grad = torch.full_like(tensor, math.nan)
    assert grpo.apply(SMALL, state)["skipped_updates"] == 1.0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_an_update_in_bf16_moves_the_masters_and_publishes_them_rounded():
    model = toy_model().bfloat16()
    _, [record], state = run(SMALL, 1, model=model)
    assert record["grad_norm"] > 0
    for weight, master in zip(state.masters.weights, state.masters.tensors, strict=True):
        assert master.dtype == torch.float32 and torch.equal(weight, master.bfloat16())


def test_collate_puts_each_logprob_under_the_token_it_belongs_to():
    short = Completion("", [1, 2], [7, 8], [-0.1, -0.2])
    long = Completion("", [1, 2, 3], [9, 10, 11], [-0.3, -0.4, -0.5])
    batch = collate([short, long], torch.tensor([1.0, -1.0]), weigh_by_token, torch.tensor([True, True]))
    assert batch.advantage_B.tolist() == [-1.0, 1.0]  # longest first
    assert batch.ids_BT.tolist() == [[3, 9, 10], [2, 7, 0]]
    assert batch.target_BT[batch.mask_BT > 0].tolist() == [9, 10, 11, 7, 8]
    torch.testing.assert_close(batch.old_logp_BT[1, :2], torch.tensor([-0.1, -0.2]))
    assert batch.weight_BT.sum() == pytest.approx(1.0)


def test_micro_batches_hold_every_row_once_and_stay_within_the_budget():
    replies = [Completion("", [n] * 3, [5] * n, [-1.0] * n) for n in (1, 4, 9, 30, 2, 7)]
    batch = collate(replies, torch.arange(6.0), weigh_by_token, torch.ones(6, dtype=torch.bool))
    parts = list(micro_batches(batch, 40))
    assert sum(len(part) for part in parts) == 6 and len(parts) == 2
    assert all(pack(part).replies.stop <= 40 for part in parts)
    assert sum(float(part.weight_BT.sum()) for part in parts) == pytest.approx(1.0)


def test_a_prompt_is_packed_once_however_many_replies_continue_it():
    replies = [Completion("", [1, 2, 3], [5] * n, [-1.0] * n) for n in (4, 2)] + [Completion("", [8, 9], [6], [-1.0])]
    batch = collate(replies, torch.zeros(3), weigh_by_token, torch.ones(3, dtype=torch.bool))
    packed = pack(batch)
    asked = packed.replies.stop
    assert packed.ids_M[:asked].tolist() == [1, 2, 8] + [3, 5, 5, 5] + [3, 5] + [9]
    assert packed.at_M[:asked].tolist() == [0, 1, 0] + [2, 3, 4, 5] + [2, 3] + [1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kv_heads", [1, 2])
def test_packed_replies_have_the_states_and_gradients_of_rows_computed_alone(kv_heads, dtype):
    model = toy_model(num_key_value_heads=kv_heads).to(dtype)
    prompts = [[4, 5, 6, 7], [8], [9, 10, 11, 12, 13, 14]]
    replies = [Completion("", prompts[n % 3], [20 + n] * n, [-1.0] * n) for n in (1, 2, 3, 4, 9, 17)]
    batch = collate(replies, torch.zeros(6), weigh_by_token, torch.ones(6, dtype=torch.bool))
    packed = pack(batch)
    together = model.hidden_packed(packed.ids_M, packed.at_M, packed.stretches)[packed.replies]
    scale = torch.linspace(-1, 1, together.numel(), dtype=dtype).view_as(together)
    (together * scale).sum().backward()
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    alone = []
    for row, length in enumerate(batch.length_B.tolist()):
        prompt = [*batch.prompts[int(batch.prompt_B[row])]]
        ids = torch.tensor([prompt + batch.ids_BT[row, :length].tolist()])
        alone.append(model.hidden(ids)[0, len(prompt) :])
    close = {"rtol": 1e-4, "atol": 2e-4} if dtype == torch.float32 else {}
    torch.testing.assert_close(together, torch.cat(alone), **close)
    (torch.cat(alone) * scale).sum().backward()
    for weight, grad in zip(model.parameters(), found, strict=True):
        assert (grad - weight.grad).norm() <= (1e-4 if close else 1e-9) * weight.grad.norm()


def test_shares_keep_groups_whole_and_are_about_as_long():
    replies = [Completion("", [n % 5, 3], [7] * (n + 1), [-1.0] * (n + 1)) for n in range(40)]
    batch = collate(replies, torch.arange(40.0), weigh_by_token, torch.ones(40, dtype=torch.bool))
    parts = shares(batch, 2)
    prompts = [set(part.prompt_B.tolist()) for part in parts]
    assert not prompts[0] & prompts[1] and len(prompts[0] | prompts[1]) == 5
    lengths = [int(part.length_B.sum()) for part in parts]
    assert sum(lengths) == 820 and max(lengths) < 1.6 * min(lengths)
    assert all(part.length_B.tolist() == sorted(part.length_B.tolist(), reverse=True) for part in parts)
    assert len(shares(batch, 9)) == 5


def test_the_gradient_does_not_depend_on_the_number_of_threads():
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        _, _, state = run(SMALL, 1, model=toy_model())
        found.append(torch.cat([t.detach().flatten() for t in state.masters.tensors]))
    torch.set_num_threads(before)
    assert (found[0] - found[1]).abs().mean() < 1e-6


def test_a_failed_grade_takes_its_tokens_out_of_the_weights():
    replies = [Completion("", [1], [5, 6], [-1.0, -1.0]) for _ in range(2)]
    batch = collate(replies, torch.zeros(2), weigh_by_token, torch.tensor([True, False]))
    assert batch.weight_BT.sum(1).tolist() == [1.0, 0.0]


def test_the_same_seed_draws_the_same_replies():
    engine = TorchEngine(toy_model(), toy_chat())
    first, _ = roll_out(engine, toy_task(low_token), SMALL, 3)
    again, _ = roll_out(engine, toy_task(low_token), SMALL, 3)
    other, _ = roll_out(engine, toy_task(low_token), SMALL, 4)
    assert first.groups == again.groups and first.groups != other.groups


def test_sampling_with_a_temperature_trains_the_same_distribution():
    _, [record], _ = run(SMALL.model_copy(update={"temperature": 0.6}), 1)
    assert record["gap_max"] < 1e-4


def test_top_p_and_top_k_leave_only_the_likely_tokens():
    engine = TorchEngine(toy_model(), toy_chat())
    [greedy] = engine.generate(["question"], Sampling(n=1, max_tokens=8, temperature=0))
    [narrow] = engine.generate(["question"], Sampling(n=1, max_tokens=8, top_k=1))
    [nucleus] = engine.generate(["question"], Sampling(n=1, max_tokens=8, top_p=1e-6))
    assert greedy[0].token_ids == narrow[0].token_ids == nucleus[0].token_ids
    assert narrow[0].logprobs == [0.0] * len(narrow[0].logprobs)
