"""The loss, function by function against numbers worked out by hand, then the properties that training relies on."""

import math
from functools import partial

import pytest
import torch

from aha.train.loss import (
    centred,
    cispo,
    clipped,
    gspo,
    importance_weight,
    k3,
    k3_corrected,
    leave_one_out,
    mean_stats,
    policy_loss,
    weigh_by_constant,
    weigh_by_reply,
    weigh_by_token,
    z_score,
)

NAN = math.nan
LN2 = math.log(2)
WEIGHTINGS = {"reply": weigh_by_reply, "token": weigh_by_token, "constant": weigh_by_constant(5)}
SURROGATES = {"clipped": clipped, "higher": partial(clipped, clip_high=0.28), "cispo": cispo, "gspo": gspo}
SURROGATES |= {"r1": partial(clipped, clip_low=10, clip_high=10), "unbounded": partial(clipped, clip_high=None)}
weightings = pytest.mark.parametrize("weigh", WEIGHTINGS.values(), ids=WEIGHTINGS)
surrogates = pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES)


def close(actual, expected, **tolerance):
    expected = torch.as_tensor(expected, dtype=actual.dtype)
    torch.testing.assert_close(actual, expected, **(tolerance or {"rtol": 1e-5, "atol": 1e-6}))


def fake_batch(seed=0, drift=0.3):
    """Eight replies of at most six tokens; the last but one is masked altogether."""
    noise = torch.Generator().manual_seed(seed)
    logp, old, ref = (-torch.rand(8, 6, generator=noise, dtype=torch.float64) for _ in range(3))
    mask = torch.arange(6) < torch.tensor([6, 1, 3, 5, 2, 6, 0, 4])[:, None]
    advantage = torch.randn(8, generator=noise, dtype=torch.float64)
    old, ref = logp + drift * (old - logp), logp + drift * (ref - logp)
    return logp.requires_grad_(), old, ref, advantage, mask


# Weights


def test_weights_by_hand():
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    close(weigh_by_reply(mask), [[0.125] * 4, [0.5, 0, 0, 0], [0] * 4])
    close(weigh_by_token(mask), [[0.2] * 4, [0.2, 0, 0, 0], [0] * 4])
    close(weigh_by_constant(10)(mask), [[1 / 30] * 4, [1 / 30, 0, 0, 0], [0] * 4])


@weightings
def test_a_batch_without_a_token_weighs_nothing(weigh):
    assert weigh(torch.zeros(2, 3, dtype=torch.bool)).tolist() == [[0.0] * 3] * 2


# Surrogates. Ratios 2, 1 and 1/2, for a good and for a bad reply


def ratios():
    log_ratio = torch.tensor([[LN2, 0.0, -LN2]] * 2)
    return log_ratio - 1, torch.full((2, 3), -1.0), torch.tensor([1.0, -1.0]), torch.ones(2, 3)


def test_clipped_by_hand():
    loss, was_clipped = clipped(*ratios(), clip_low=0.2, clip_high=0.28)
    close(loss, [[-1.28, -1.0, -0.5], [2.0, 1.0, 0.8]])
    assert was_clipped.tolist() == [[True, False, False], [False, False, True]]


def test_clipped_without_an_upper_bound_and_as_r1_had_it():
    close(clipped(*ratios(), clip_high=None)[0], [[-2.0, -1.0, -0.5], [2.0, 1.0, 0.8]])
    close(clipped(*ratios(), clip_low=10, clip_high=10)[0], [[-2.0, -1.0, -0.5], [2.0, 1.0, 0.5]])
    far = torch.tensor([[math.log(20.0)]]), torch.zeros(1, 1), torch.ones(1), torch.ones(1, 1)
    close(clipped(*far, clip_low=10, clip_high=10)[0], [[-11.0]])


def test_cispo_by_hand():
    logp, *rest = ratios()
    logp.requires_grad_()
    loss, was_clipped = cispo(logp, *rest, max_ratio=1.5)
    close(loss.detach(), [[1.5 * (1 - LN2), 1.0, 0.5 * (1 + LN2)], [-1.5 * (1 - LN2), -1.0, -0.5 * (1 + LN2)]])
    assert was_clipped.tolist() == [[True, False, False]] * 2
    loss.sum().backward()
    close(logp.grad, [[-1.5, -1.0, -0.5], [1.5, 1.0, 0.5]])  # cut, but never dropped


def test_gspo_by_hand():
    logp, old, advantage, mask = ratios()
    mask[:, 2] = 0  # the replies' ratios are now (2 * 1) ** (1 / 2)
    logp.requires_grad_()
    loss, was_clipped = gspo(logp, old, advantage, mask, clip_low=0.2, clip_high=0.3)
    close(loss.detach(), [[-1.3] * 3, [2**0.5] * 3])
    assert was_clipped.tolist() == [[True] * 3, [False] * 3]
    (weigh_by_reply(mask) * loss).sum().backward()
    close(logp.grad, [[0.0] * 3, [2**0.5 / 4, 2**0.5 / 4, 0.0]])


# Around the loss


def test_importance_weight_by_hand():
    trainer, sampler = torch.tensor([0.0, -1.0, 3.0], requires_grad=True), torch.tensor([0.0, -1 + LN2, 0.0])
    weight = importance_weight(trainer, sampler, cap=2.0)
    close(weight, [1.0, 0.5, 2.0])
    assert not weight.requires_grad


def test_policy_loss_and_stats_by_hand():
    logp, old, advantage, mask = ratios()
    mask[1, 1:] = 0
    ref = logp + LN2
    loss = policy_loss(logp, old, advantage, weigh_by_reply(mask), ref_logp_BT=ref, kl=0.1)
    surrogate = ((-1.2 - 1.0 - 0.5) / 3 + 2.0) / 2
    close(loss.value, surrogate + 0.1 * (1 - LN2))
    means = mean_stats([loss.stats])
    assert means == pytest.approx({"tokens": 4, "ratio": (2 + 1 + 0.5 + 2) / 4, "clipped": 0.25, "kl": 1 - LN2})


def test_a_reference_without_a_price_is_only_reported():
    logp, old, ref, advantage, mask = fake_batch()
    free = policy_loss(logp, old, advantage, weigh_by_reply(mask), ref_logp_BT=ref)
    torch.testing.assert_close(free.value, policy_loss(logp, old, advantage, weigh_by_reply(mask)).value)
    assert free.stats["kl"] > 0
    with pytest.raises(ValueError, match="ref_logp_BT"):
        policy_loss(logp, old, advantage, weigh_by_reply(mask), kl=0.1)


# Properties


@weightings
@surrogates
def test_on_policy_the_gradient_is_reinforce_with_a_baseline(weigh, surrogate):
    logp, _, _, advantage, mask = fake_batch()
    weight = weigh(mask).double()
    policy_loss(logp, logp.detach(), advantage, weight, surrogate=surrogate).value.backward()
    torch.testing.assert_close(logp.grad, -weight * advantage[:, None])


@weightings
@surrogates
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_cutting_the_batch_changes_neither_gradient_nor_stats(weigh, surrogate, cut):
    logp, old, ref, advantage, mask = fake_batch()
    weight = weigh(mask).double()

    def loss(rows):
        columns = logp[rows], old[rows], advantage[rows], weight[rows]
        return policy_loss(*columns, surrogate=surrogate, ref_logp_BT=ref[rows], kl=0.1, kl_estimator=k3_corrected)

    whole = loss(slice(None))
    whole.value.backward()
    gradient, logp.grad = logp.grad, None
    parts = [loss(rows) for rows in torch.arange(8).split(cut)]
    for part in parts:
        part.value.backward()
    torch.testing.assert_close(logp.grad, gradient)
    torch.testing.assert_close(sum(part.value for part in parts), whole.value)
    assert mean_stats([part.stats for part in parts]) == pytest.approx(mean_stats([whole.stats]))


@surrogates
@pytest.mark.parametrize("advantage", [z_score, centred, leave_one_out])
def test_a_three_armed_bandit_learns_which_arm_pays(surrogate, advantage):
    """False failure: all 16 replies of many steps would have to miss an arm of probability 1/3. Seeded besides."""
    noise = torch.Generator().manual_seed(1)
    logits = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(80):
        arm = torch.multinomial(logits.detach().softmax(0), 16, replacement=True, generator=noise)
        advantage_B = advantage((arm == 2).float()[None]).flatten()
        old = logits.detach().log_softmax(0)[arm][:, None]
        for _ in range(2):  # the second update is off-policy
            logp = logits.log_softmax(0)[arm][:, None]
            policy_loss(logp, old, advantage_B, torch.full((16, 1), 1 / 16), surrogate=surrogate).value.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert logits.softmax(0)[2] > 0.95


def test_a_reply_whose_grader_failed_moves_nothing():
    logp, old, _, _, mask = fake_batch()
    reward = torch.tensor([[1.0, 0.0, NAN, 0.0], [1.0, NAN, 1.0, 0.0]]).double()
    failed = reward.flatten().isnan()
    for advantage in (z_score, centred, leave_one_out):
        logp.grad = None
        policy_loss(logp, old, advantage(reward).flatten(), weigh_by_reply(mask & ~failed[:, None])).value.backward()
        assert logp.grad[failed].abs().sum() == 0
        assert logp.grad[~failed].abs().sum() > 0


@surrogates
@pytest.mark.parametrize("estimator", [k3, k3_corrected])
@pytest.mark.parametrize("gap", [-1e4, -100.0, 100.0, 1e4])
def test_extreme_log_ratios_stay_finite(surrogate, estimator, gap):
    logp = torch.full((2, 3), -1e4, requires_grad=True)
    old, ref = logp.detach() + gap, logp.detach() - gap
    weight = weigh_by_reply(torch.ones(2, 3))
    loss = policy_loss(
        logp,
        old,
        torch.tensor([1.0, -1.0]),
        weight,
        surrogate=surrogate,
        ref_logp_BT=ref,
        kl=0.1,
        kl_estimator=estimator,
    )
    loss.value.backward()
    assert loss.value.isfinite() and logp.grad.isfinite().all()
    assert all(math.isfinite(value) for value in mean_stats([loss.stats]).values())


@surrogates
def test_padding_may_hold_anything(surrogate):
    logp, old, ref, advantage, mask = fake_batch()
    weight = weigh_by_token(mask).double()
    clean = policy_loss(logp, old, advantage, weight, surrogate=surrogate, ref_logp_BT=ref, kl=0.1).value
    for junk in (NAN, math.inf, -math.inf):
        dirty = [x.detach().masked_fill(~mask, junk) for x in (logp, old, ref)]
        dirty[0].requires_grad_()
        value = policy_loss(
            dirty[0], dirty[1], advantage, weight, surrogate=surrogate, ref_logp_BT=dirty[2], kl=0.1
        ).value
        value.backward()
        torch.testing.assert_close(value, clean)
        assert dirty[0].grad.isfinite().all()
