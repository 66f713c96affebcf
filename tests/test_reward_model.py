"""Training reward models: the losses are the published ones, runs repeat and resume, and the world can be learnt."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import pytest
import torch

from aha.errors import DataError
from aha.models.folder import TINY
from aha.models.precision import DTYPES, fastest
from aha.models.scorer import Scorer, ScoringModel
from aha.tasks.preference_files import read_dpo
from aha.tasks.preferences import Labelled, Pair, world_labels, world_pairs
from aha.train.reward_model import (
    RewardModel,
    accuracy,
    batch_at,
    binary,
    bradley_terry,
    restore,
    start,
    store,
    train_pairs,
    train_pointwise,
)  # fmt: skip
from tests.toys import toy_chat, toy_model

DEMO = Path(__file__).parents[2] / "shared/data/dpo_kto_demo/dpo_en_demo.json"
SMALL = RewardModel(batch=8, lr=0.01, warmup=0, epochs=4)
ASK = "User: a\nAssistant:"
PAIRS = [Pair(f"User: {n}\nAssistant:", f"yes {n}", f"no {n}") for n in range(20)]
LABELLED = [Labelled(p.prompt, text, safe) for p in PAIRS for text, safe in ((p.chosen, True), (p.rejected, False))]


def toy_scorer(dtype=torch.float32):
    return Scorer(ScoringModel(toy_model().to(dtype)), toy_chat())


def weights(scorer):
    return torch.cat([p.detach().float().flatten() for p in scorer.model.parameters()])


class Fixed:
    """Scores texts by a table."""

    def __init__(self, table):
        self.table = table

    def scores(self, pairs):
        return [self.table[text] for _, text in pairs]


# The losses, by hand


def test_bradley_terry_is_the_surprise_at_the_choice_and_pushes_both_apart():
    chosen = torch.tensor([0.0, 2.0, -1.0], requires_grad=True)
    rejected = torch.tensor([0.0, 0.0, 2.0], requires_grad=True)
    loss = bradley_terry(chosen, rejected)
    assert loss.tolist() == pytest.approx([math.log(2), 0.126928, 3.048587], abs=1e-5)
    loss.sum().backward()
    assert chosen.grad.tolist() == pytest.approx([-0.5, -0.119203, -0.952574], abs=1e-5)
    assert rejected.grad.tolist() == pytest.approx([0.5, 0.119203, 0.952574], abs=1e-5)


def test_binary_is_the_cross_entropy_of_the_label():
    score = torch.tensor([0.0, 2.0, 2.0], requires_grad=True)
    loss = binary(score, torch.tensor([1.0, 1.0, 0.0]))
    assert loss.tolist() == pytest.approx([math.log(2), 0.126928, 2.126928], abs=1e-5)
    loss.sum().backward()
    assert score.grad.tolist() == pytest.approx([-0.5, -0.119203, 0.880797], abs=1e-5)


def test_the_first_gradient_of_the_head_is_half_the_mean_difference_of_the_states():
    """At a head of zero both scores are 0, so d loss / d w = -(h_chosen - h_rejected) / 2, averaged over pairs."""
    scorer = toy_scorer()
    state_E = [
        scorer.model.decoder.hidden(torch.tensor([scorer.ids(ASK, text)]))[0, -1].detach()
        for text in ("yes", "no", "make", "make no")
    ]
    expected_E = -(state_E[0] - state_E[1] + state_E[2] - state_E[3]) / 4
    settings = RewardModel(batch=2, lr=0.1, max_grad_norm=1e9)
    state = start(scorer, settings)
    seen = {}
    state.masters.publish = lambda: seen.update(grad=state.masters.tensors[-1].grad[0].clone())
    [record] = train_pairs(scorer, [Pair(ASK, "yes", "no"), Pair(ASK, "make", "make no")], settings, state)
    torch.testing.assert_close(seen["grad"], expected_E, rtol=1e-4, atol=1e-5)
    assert record["loss"] == pytest.approx(math.log(2)) and record["grad_norm"] == pytest.approx(
        float(expected_E.norm()), rel=1e-4
    )


# The loop


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pairs_and_single_replies_are_learnt(dtype):
    for train, data in ((train_pairs, PAIRS), (train_pointwise, LABELLED)):
        scorer = toy_scorer(dtype)
        records = list(train(scorer, data, SMALL, start(scorer, SMALL)))
        assert records[-1]["loss"] < 0.5 * records[0]["loss"]
        assert accuracy(scorer, data).mean == 1.0 and [r["step"] for r in records] == list(
            range(1, records[-1]["steps"] + 1)
        )


def test_the_same_seed_takes_the_same_path():
    ends = []
    for seed in (0, 0, 1):
        scorer, settings = toy_scorer(), SMALL.model_copy(update={"seed": seed})
        list(train_pairs(scorer, PAIRS, settings, start(scorer, settings)))
        ends.append(weights(scorer))
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_run_goes_on_from_its_checkpoint_as_if_never_stopped(tmp_path, dtype):
    whole = toy_scorer(dtype)
    losses = [r["loss"] for r in train_pairs(whole, PAIRS, SMALL, start(whole, SMALL))]
    first = toy_scorer(dtype)
    state = start(first, SMALL)
    list(islice(train_pairs(first, PAIRS, SMALL, state), 5))
    store(first, state, tmp_path)
    again = Scorer.load(tmp_path, dtype)
    state = start(again, SMALL)
    restore(again, state, tmp_path)
    assert [r["loss"] for r in train_pairs(again, PAIRS, SMALL, state)] == losses[5:] and state.step == len(
        losses
    ) == 12
    assert torch.equal(weights(whole), weights(again))


def test_every_epoch_reads_all_items_once_in_another_order():
    read = [i for step in range(6) for i in batch_at(step, 20, SMALL)]
    assert sorted(read[:20]) == sorted(read[20:]) == list(range(20)) and read[:20] != read[20:]


@pytest.mark.parametrize("change", [{"micro_tokens": 30}, {"micro_tokens": 1}])
def test_cutting_into_micro_batches_changes_nothing(change):
    ends = []
    for settings in (SMALL, SMALL.model_copy(update=change)):
        scorer = toy_scorer()
        next(iter(train_pointwise(scorer, LABELLED, settings, start(scorer, settings))))
        ends.append(scorer.scores([(ASK, "yes"), (ASK, "no")]))
    assert ends[0] == pytest.approx(ends[1], abs=1e-3)


def test_a_gradient_that_is_not_finite_is_dropped_and_counted():
    scorer = toy_scorer()
    state = start(scorer, SMALL)
    with torch.no_grad():
        scorer.model.head.weight.fill_(math.inf)
    before = weights(scorer)
    [record] = islice(train_pairs(scorer, PAIRS, SMALL, state), 1)
    assert record["skipped_updates"] == 1.0 and torch.equal(weights(scorer), before)


def test_no_data_is_refused():
    scorer = toy_scorer()
    with pytest.raises(DataError, match="needs data"):
        next(train_pairs(scorer, [], SMALL, start(scorer, SMALL)))
    with pytest.raises(DataError, match="needs rows"):
        accuracy(scorer, [])


# Accuracy


def test_accuracy_counts_ties_as_a_half_and_clusters_by_prompt():
    scorer = Fixed({"a": 1.0, "b": 0.0, "c": 0.0})
    one = [Pair("p", "a", "b"), Pair("p", "b", "c"), Pair("q", "b", "a"), Pair("q", "b", "a")]
    found = accuracy(scorer, one)  # prompts earn 0.75 and 0
    assert found.mean == pytest.approx(0.375) and (found.low, found.high) == (0.0, 1.0)
    assert accuracy(scorer, one[:1] * 50).low == accuracy(scorer, one[:1]).low < 0.3


def test_a_single_reply_is_right_on_its_side_of_zero():
    scorer = Fixed({"a": 1.0, "b": -1.0, "c": 0.0})
    rows = [Labelled("1", "a", True), Labelled("2", "b", False), Labelled("3", "b", True), Labelled("4", "c", False)]
    assert accuracy(scorer, rows).mean == 0.5


# For real

WORLD = RewardModel(lr=1e-3)


def trained(data, settings):
    scorer = Scorer.from_base(TINY, DTYPES[fastest()])
    train = train_pairs if isinstance(data[0], Pair) else train_pointwise
    for _ in train(scorer, data, settings, start(scorer, settings)):
        pass
    return scorer


@pytest.mark.slow
@pytest.mark.parametrize(("make", "count", "least"), [(world_pairs, 2_000, 0.5), (world_labels, 1_000, 0.6)])
def test_the_world_is_learnt_from_the_shipped_base(make, count, least):
    """Pairs are hard for a model this small: 6,000 of them take it to 72 % on questions it has not read."""
    scorer = trained(make(count, 0), WORLD)
    assert accuracy(scorer, make(500, 0, held_out=True)).low > least


@pytest.mark.slow
@pytest.mark.skipif(not DEMO.is_file(), reason="LLaMA-Factory's demo rows are not beside this checkout")
def test_real_pairs_are_read_trained_on_and_measured():
    pairs = read_dpo(DEMO)
    scorer = trained(pairs[:8], RewardModel(batch=4, max_tokens=256))
    found = accuracy(scorer, pairs[285:])
    assert 0 <= found.low < found.mean < found.high <= 1
