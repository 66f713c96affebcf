"""Loss and gradient of every variant that TRL has as well, on the same tensors, against TRL's own `_compute_loss`.

TRL's method is called on a stand-in for its trainer that hands it our log-probabilities in place of a model's.
"""

from collections import defaultdict
from functools import partial
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("trl", reason="the comparison with TRL needs trl 1.16: pip install 'trl==1.16.*'")
from trl.trainer.grpo_trainer import GRPOTrainer  # noqa: E402

from aha.train.loss import (  # noqa: E402
    cispo,
    clipped,
    gspo,
    k3_corrected,
    mean_stats,
    policy_loss,
    weigh_by_constant,
    weigh_by_reply,
    weigh_by_token,
)

MAX_TOKENS = 7
by_constant = weigh_by_constant(MAX_TOKENS)
higher = partial(clipped, clip_high=0.28)
wide_gspo = partial(gspo, clip_low=0.2, clip_high=0.28)

# name: (TRL's settings, our weighting, our other arguments)
VARIANTS = {
    "grpo": ({"loss_type": "grpo"}, weigh_by_reply, {}),
    "grpo, clipped higher": ({"loss_type": "grpo", "epsilon_high": 0.28}, weigh_by_reply, {"surrogate": higher}),
    "grpo as in R1": (
        {"loss_type": "grpo", "epsilon_low": 10.0, "epsilon_high": 10.0, "beta": 0.001},
        weigh_by_reply,
        {"surrogate": partial(clipped, clip_low=10, clip_high=10), "kl": 0.001},
    ),
    "grpo with KL": ({"loss_type": "grpo", "beta": 0.04}, weigh_by_reply, {"kl": 0.04}),
    "grpo with corrected KL": (
        {"loss_type": "grpo", "beta": 0.04, "use_bias_correction_kl": True},
        weigh_by_reply,
        {"kl": 0.04, "kl_estimator": k3_corrected},
    ),
    "bnpo": ({"loss_type": "bnpo"}, weigh_by_token, {}),
    "dapo": ({"loss_type": "dapo", "epsilon_high": 0.28}, weigh_by_token, {"surrogate": higher}),
    "dapo with KL": ({"loss_type": "dapo", "beta": 0.1}, weigh_by_token, {"kl": 0.1}),
    "dr_grpo": ({"loss_type": "dr_grpo"}, by_constant, {}),
    "dr_grpo with KL": ({"loss_type": "dr_grpo", "beta": 0.1}, by_constant, {"kl": 0.1}),
    "cispo": (
        {"loss_type": "cispo", "epsilon_high": 1.2},
        weigh_by_token,
        {"surrogate": partial(cispo, max_ratio=1.2)},
    ),
    "cispo with KL": (
        {"loss_type": "cispo", "epsilon_high": 5.0, "beta": 0.1},
        weigh_by_token,
        {"surrogate": cispo, "kl": 0.1},
    ),
    "gspo": (
        {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon_low": 3e-4, "epsilon_high": 4e-4},
        weigh_by_reply,
        {"surrogate": gspo},
    ),
    "gspo, wider, with KL": (
        {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon_high": 0.28, "beta": 0.1},
        weigh_by_reply,
        {"surrogate": wide_gspo, "kl": 0.1},
    ),
    "gspo by token": (
        {"loss_type": "dapo", "importance_sampling_level": "sequence", "epsilon_high": 0.28},
        weigh_by_token,
        {"surrogate": wide_gspo},
    ),
}
variants = pytest.mark.parametrize("settings,weigh,ours", VARIANTS.values(), ids=VARIANTS)


def fake_batch(seed, replies=8):
    """Replies of 1 to 7 tokens, some of whose ratios are beyond every bound; both signs of advantage."""
    noise = torch.Generator().manual_seed(seed)
    logp = -2 * torch.rand(replies, MAX_TOKENS, generator=noise, dtype=torch.float64)
    old = logp + 0.4 * torch.randn(logp.shape, generator=noise, dtype=torch.float64)
    ref = logp + 0.4 * torch.randn(logp.shape, generator=noise, dtype=torch.float64)
    length = torch.randint(1, MAX_TOKENS + 1, (replies, 1), generator=noise)
    advantage = torch.randn(replies, generator=noise, dtype=torch.float64)
    return logp.requires_grad_(), old, ref, advantage, torch.arange(MAX_TOKENS) < length


def stand_in(logp, settings, pieces=1):
    """As much of a GRPOTrainer as its loss reads, with GRPOConfig's defaults."""
    options = {"epsilon_low": 0.2, "epsilon_high": 0.2, "beta": 0.0, "importance_sampling_level": "token"} | settings
    corrected = options.pop("use_bias_correction_kl", False)
    accelerator = SimpleNamespace(
        num_processes=1, reduce=lambda x, reduction: x, gather=lambda x: x, gather_for_metrics=lambda x: x
    )
    return SimpleNamespace(
        **options,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=corrected, steps_per_generation=pieces),
        accelerator=accelerator,
        model=SimpleNamespace(training=True),
        max_completion_length=MAX_TOKENS,
        current_gradient_accumulation_steps=pieces,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=False,
        aux_loss_enabled=False,
        _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *_, **__: (logp, torch.zeros_like(logp), None),
    )


def trl_loss(batch, settings, rows=slice(None), pieces=1):
    """TRL's loss of some rows of a batch that is cut into `pieces`, and the metrics it logs."""
    logp, old, ref, advantage, mask = batch
    trainer = stand_in(logp[rows], settings, pieces)
    prompt = torch.ones(len(logp[rows]), 2, dtype=torch.long)
    inputs = {
        "prompt_ids": prompt,
        "prompt_mask": prompt,
        "completion_ids": torch.ones_like(mask[rows], dtype=torch.long),
        "completion_mask": mask[rows].long(),
        "advantages": advantage[rows],
        "old_per_token_logps": old[rows],
        "ref_per_token_logps": ref[rows],
        "num_items_in_batch": mask.sum(),
    }
    return GRPOTrainer._compute_loss(trainer, None, inputs), trainer._metrics["train"]


def gradient_of(value, logp):
    (gradient,) = torch.autograd.grad(value, logp)
    return gradient


@variants
@pytest.mark.parametrize("seed", range(5))
def test_loss_and_gradient_are_those_of_trl(settings, weigh, ours, seed):
    batch = logp, old, ref, advantage, mask = fake_batch(seed)
    theirs, metrics = trl_loss(batch, settings)
    loss = policy_loss(logp, old, advantage, weigh(mask).double(), ref_logp_BT=ref, **ours)
    torch.testing.assert_close(loss.value, theirs)
    torch.testing.assert_close(gradient_of(loss.value, logp), gradient_of(theirs, logp))
    means = mean_stats([loss.stats])
    if ours.get("kl"):
        assert means["kl"] == pytest.approx(metrics["kl"][0])
    if settings["loss_type"] != "cispo" and "importance_sampling_level" not in settings:
        assert means["clipped"] == pytest.approx(metrics["clip_ratio/region_mean"][0])


@variants
@pytest.mark.parametrize("pieces", [2, 4])
def test_accumulated_over_pieces_it_is_still_that_of_trl(settings, weigh, ours, pieces):
    if settings["loss_type"] == "bnpo":
        pytest.skip("TRL's bnpo counts the tokens of each piece, so it changes with the cut")
    batch = logp, old, ref, advantage, mask = fake_batch(seed=9)
    weight = weigh(mask).double()
    theirs = mine = torch.zeros(())
    for rows in torch.arange(len(logp)).chunk(pieces):
        theirs = theirs + trl_loss(batch, settings, rows, pieces)[0]
        piece = policy_loss(logp[rows], old[rows], advantage[rows], weight[rows], ref_logp_BT=ref[rows], **ours)
        mine = mine + piece.value
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(gradient_of(mine, logp), gradient_of(theirs, logp))


@variants
def test_on_policy_it_is_that_of_trl(settings, weigh, ours):
    logp, _, ref, advantage, mask = fake_batch(seed=3)
    batch = logp, logp.detach(), ref, advantage, mask
    theirs, _ = trl_loss(batch, settings)
    mine = policy_loss(logp, logp.detach(), advantage, weigh(mask).double(), ref_logp_BT=ref, **ours).value
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(gradient_of(mine, logp), gradient_of(theirs, logp))
