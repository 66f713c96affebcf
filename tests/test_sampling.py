"""Drawing among the likely tokens only: as if the vocabulary had been sorted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from aha.rollout.sampling import draw
from aha.types import Sampling

WHOLE = Sampling(temperature=1.0)


def sorted_and_cut(logits_RV, sampling):
    """Scaled logits, -inf for all but the top_k tokens, then for all but the fewest whose probability reaches top_p."""
    logits_RV = logits_RV.double() / sampling.temperature
    order_RV = logits_RV.argsort(dim=-1, descending=True, stable=True)
    sorted_RV = logits_RV.gather(1, order_RV)
    if sampling.top_k:
        sorted_RV[:, sampling.top_k :] = -torch.inf
    before_RV = sorted_RV.softmax(-1).cumsum(-1) - sorted_RV.softmax(-1)
    sorted_RV[before_RV >= sampling.top_p] = -torch.inf
    return torch.empty_like(logits_RV).scatter_(1, order_RV, sorted_RV).float()


def drawn(logits_RV, sampling):
    rows = len(logits_RV)
    return draw(logits_RV, np.arange(rows, dtype=np.uint64), np.zeros(rows, np.int64), sampling)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 0, 0.95), (0.6, 0, 0.95), (1.0, 0, 0.3), (2.0, 20, 1.0), (1.0, 7, 0.8), (1.0, 1, 1.0), (1.0, 9999, 0.99)],
)
def test_the_likely_tokens_are_those_of_a_sorted_vocabulary(dtype, temperature, top_k, top_p):
    generator = torch.Generator().manual_seed(0)
    spread_R1 = torch.linspace(0.1, 8, 400)[:, None]
    logits_RV = (torch.randn(400, 1030, generator=generator) * spread_R1).to(dtype)
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    token_R, logp_R = drawn(logits_RV, sampling)
    expected_R, expected_logp_R = drawn(sorted_and_cut(logits_RV, sampling), WHOLE)
    assert token_R.tolist() == expected_R.tolist()
    np.testing.assert_allclose(logp_R, expected_logp_R, atol=2e-5)


def test_of_equal_tokens_the_first_stay():
    logits_RV = torch.zeros(4000, 100)
    logits_RV[:, 90:] = 1.0
    by_k, _ = drawn(logits_RV, replace(WHOLE, top_k=15))
    assert set(by_k.tolist()) == {*range(90, 100), *range(5)}
    by_p, logp_R = drawn(torch.zeros(2000, 64), replace(WHOLE, top_p=0.25))
    assert set(by_p.tolist()) == set(range(16)) and logp_R == pytest.approx(np.full(2000, -np.log(16)))


def test_the_likeliest_token_always_stays_and_impossible_ones_never_come():
    logits_RV = torch.full((50, 300), -torch.inf)
    logits_RV[:, [7, 200]] = torch.tensor([3.0, 2.0])
    assert set(drawn(logits_RV, replace(WHOLE, top_p=0.0))[0].tolist()) == {7}
    assert set(drawn(logits_RV, replace(WHOLE, top_p=0.999, top_k=50))[0].tolist()) == {7, 200}


def test_numbers_that_are_not_finite_show_in_the_log_probability():
    assert np.isnan(drawn(torch.full((2, 70), torch.nan), replace(WHOLE, top_p=0.9))[1]).all()
