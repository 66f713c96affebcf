"""The compiled loops: bf16 as PyTorch rounds it, the exponential, and the draw from a distribution."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from numba import njit

from aha.models.simd import bits, exp, narrow, widen
from aha.models.vector import mix, prefetch, score
from aha.rollout.sampling import draw, uniform
from aha.types import Sampling


@njit
def round_trip(x_N, out_N):
    for i in range(len(x_N)):
        out_N[i] = widen(narrow(x_N[i], np.uint16(0)))


@njit
def exp_all(x_N, out_N):
    for i in range(len(x_N)):
        out_N[i] = exp(x_N[i])


def test_bf16_is_rounded_as_pytorch_rounds_it():
    x = torch.cat((torch.randn(1000) * 100, torch.tensor([0.0, -0.0, 1.00390625, 1.01171875, 3e38, 1e-40])))
    out = np.empty(len(x), np.float32)
    round_trip(x.numpy(), out)
    assert torch.equal(torch.from_numpy(out), x.bfloat16().float())


def test_the_exponential_is_right_to_five_digits():
    x = np.linspace(-86, 0, 5001, dtype=np.float32)
    out = np.empty_like(x)
    exp_all(x, out)
    np.testing.assert_allclose(out, np.exp(x.astype(np.float64)), rtol=5e-6)


def test_draws_follow_the_distribution_and_carry_its_logprobs():
    torch.manual_seed(0)
    logits = torch.randn(150) * 2
    keys, t = np.arange(40_000, dtype=np.uint64) * np.uint64(977), np.zeros(40_000, np.int64)
    token, logp = draw(logits.expand(40_000, -1).contiguous(), keys, t, Sampling(temperature=0.8))
    p = (logits / 0.8).softmax(0)
    seen = torch.bincount(torch.from_numpy(token), minlength=150) / 40_000
    assert float((seen - p).abs().sum()) < 0.06
    torch.testing.assert_close(torch.from_numpy(logp), p.log()[token], rtol=1e-4, atol=1e-4)


def test_impossible_tokens_are_never_drawn():
    logits = torch.full((1000, 200), -torch.inf)
    logits[:, 3], logits[:, 130] = 0.0, 1.0
    token, _ = draw(logits, np.arange(1000, dtype=np.uint64), np.zeros(1000, np.int64), Sampling())
    assert set(token.tolist()) == {3, 130}


def test_uniform_numbers_are_spread_evenly_and_differ_by_token_and_request():
    u = np.array([[uniform(np.uint64(key), t) for t in range(50)] for key in range(200)])
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 0.01 and len(np.unique(u)) > 9990


@njit(cache=True)
def _attend_tiles(sizes, count, q, k, v, score_GN, sum_GD, places):
    for i in places:
        prefetch(sizes, count, v, i)
        score(sizes, count, q, k, i, score_GN, i)
        mix(sizes, count, score_GN, i, v, i, sum_GD)


@pytest.mark.parametrize("tile", [1, 4, 16])
@pytest.mark.parametrize("head_size", [8, 24, 32, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scores_and_mixtures_equal_matrix_products(dtype, head_size, tile):
    q, k, v = torch.randn(3, head_size), torch.randn(32, head_size).to(dtype), torch.randn(32, head_size).to(dtype)
    scores, sums = torch.zeros(3, 40), torch.ones(3, head_size)
    sizes = (None,) * 3, (None,) * head_size
    arrays = (q.numpy(), bits(k), bits(v), scores.numpy(), sums.numpy())
    _attend_tiles(sizes, (None,) * tile, *arrays, np.arange(0, 32, tile))
    torch.testing.assert_close(scores[:, :32], q @ k.float().T)
    assert not scores[:, 32:].any()
    torch.testing.assert_close(sums, 1 + scores[:, :32] @ v.float(), atol=1e-4, rtol=1e-4)


SAMPLE_AND_LEARN = """
import hashlib, torch
from aha.rollout.engine import TorchEngine
from aha.train import grpo
from aha.train.batch import collate
from aha.train.settings import Grpo
from aha.types import Sampling
from tests.toys import toy_chat, toy_model
torch.set_num_threads(1)
model = toy_model("qwen3")
groups = TorchEngine(model, toy_chat()).generate(["User: 1", "x"], Sampling(n=30, max_tokens=9))
replies = [reply for group in groups for reply in group]
batch = collate(replies, torch.ones(60), grpo.weighting(Grpo()), torch.ones(60, dtype=torch.bool))
grpo.backward(model, batch, Grpo(), None)
seen = [torch.tensor(r.logprobs) for r in replies] + [p.grad.flatten() for p in model.parameters()]
print(hashlib.sha256(torch.cat(seen).numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_loops_compiled_now_and_loops_loaded_give_the_same_bits(tmp_path):
    def outcome():
        command, env = [sys.executable, "-c", SAMPLE_AND_LEARN], os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    first = outcome()
    assert any(tmp_path.rglob("*.nbc")) and first == outcome()
