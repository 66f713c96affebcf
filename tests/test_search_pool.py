"""The engine that remembers: the same replies, drawn once, whatever interrupts it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aha.errors import RunError
from aha.rollout.engine import TorchEngine
from aha.search import pool as pool_module
from aha.search.budget import Budget
from aha.search.ledger import Metered
from aha.search.pool import Pool, digest_of
from aha.search.sample import Vote
from aha.types import Sampling
from tests.search_toys import Scripted, total, toy_task
from tests.toys import toy_chat, toy_model

PROMPTS = ["User: 1 + 1\nAssistant:", "User: 2\nAssistant:", "x"]
DRAWN = Sampling(n=4, max_tokens=12, seed=2)


def engine(seed: int = 0) -> TorchEngine:
    return TorchEngine(toy_model(seed=seed), toy_chat())


def test_a_pool_serves_what_the_engine_would_have_drawn(tmp_path):
    first = Pool(engine(), tmp_path).generate(PROMPTS, DRAWN)
    idle = engine()
    again = Pool(idle, tmp_path).generate(PROMPTS, DRAWN)
    assert first == again == engine().generate(PROMPTS, DRAWN) and idle.ledger.tokens == 0


def test_fewer_samples_are_the_first_and_more_begin_with_those_there_are(tmp_path):
    kept = Pool(engine(), tmp_path).generate(PROMPTS, DRAWN)
    pool = Pool(engine(), tmp_path)
    assert (
        pool.generate(PROMPTS, replace(DRAWN, n=2)) == [group[:2] for group in kept] and pool.engine.ledger.tokens == 0
    )
    grown = pool.generate(PROMPTS, replace(DRAWN, n=7))
    assert [group[:4] for group in grown] == kept and grown == engine().generate(PROMPTS, replace(DRAWN, n=7))
    assert Pool(engine(), tmp_path).generate(PROMPTS, replace(DRAWN, n=7)) == grown


@pytest.mark.parametrize(
    "other", [{"seed": 3}, {"temperature": 0.5}, {"max_tokens": 13}, {"top_p": 0.9}, {"top_k": 5}, {"stop": ("a",)}]
)
def test_other_settings_are_other_samples(tmp_path, other):
    pool = Pool(engine(), tmp_path)
    pool.generate(PROMPTS, DRAWN)
    before = pool.engine.ledger.tokens
    assert pool.generate(PROMPTS, replace(DRAWN, **other)) == engine().generate(PROMPTS, replace(DRAWN, **other))
    assert pool.engine.ledger.tokens > before


def test_another_model_finds_nothing_of_this_one(tmp_path):
    Pool(engine(), tmp_path).generate(PROMPTS, DRAWN)
    other = Pool(engine(seed=1), tmp_path)
    assert other.generate(PROMPTS, DRAWN) == engine(seed=1).generate(PROMPTS, DRAWN)
    assert digest_of(engine()) == digest_of(engine()) != digest_of(engine(seed=1))
    half = TorchEngine(toy_model().bfloat16(), toy_chat())
    assert digest_of(half) != digest_of(engine())


def test_equal_prompts_of_a_call_have_samples_of_their_own(tmp_path):
    pool = Pool(engine(), tmp_path)
    pool.generate(["x"], DRAWN)
    twice = pool.generate(["x", "User: 2", "x"], DRAWN)
    assert twice == engine().generate(["x", "User: 2", "x"], DRAWN) and twice[0] != twice[2]


class Dies(Exception):
    pass


def test_what_had_ended_before_a_crash_is_kept_and_the_rest_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(pool_module, "GROUPS", 1)
    ended = []

    def crash(i, group):
        ended.append(i)
        if len(ended) == 2:
            raise Dies

    with pytest.raises(Dies):
        Pool(engine(), tmp_path).generate(PROMPTS, DRAWN, crash)
    resumed = Pool(engine(), tmp_path)
    assert resumed.generate(PROMPTS, DRAWN) == engine().generate(PROMPTS, DRAWN)
    left = [p for i, p in enumerate(PROMPTS) if i not in ended]
    alone = engine()
    alone.generate(left, DRAWN)
    assert resumed.engine.ledger.tokens == alone.ledger.tokens > 0


def test_costs_are_the_same_whether_drawn_or_remembered(tmp_path):
    task, problems = toy_task()

    def costs(used):
        return [replace(s.cost, seconds=0.0) for s in Vote(4, max_tokens=9)(used, task, problems, 0)]

    first, second = Pool(engine(), tmp_path), Pool(engine(), tmp_path / "no such folder yet")
    assert costs(first) == costs(engine()) == costs(second)
    again = Pool(engine(), tmp_path)
    assert costs(again) == costs(first) and again.engine.ledger.tokens == 0
    assert again.ledger.seconds == pytest.approx(first.ledger.seconds / 2) and first.ledger.seconds > 0


def test_strategies_that_continue_replies_resume_too(tmp_path):
    task, problems = toy_task()
    problems = [replace(p, prompt=p.prompt + "<think>") for p in problems]
    strategy = Budget(cap=20, reserve=5, n=2, temperature=1.0)
    first = strategy(Pool(engine(), tmp_path), task, problems, 0)
    idle = Pool(engine(), tmp_path)
    assert [s.candidates for s in strategy(idle, task, problems, 0)] == [s.candidates for s in first]
    assert idle.engine.ledger.tokens == 0 < idle.ledger.tokens


def test_those_who_watch_hear_of_every_group(tmp_path):
    pool = Pool(engine(), tmp_path)
    pool.generate(PROMPTS[:1], DRAWN)
    heard = {}
    groups = pool.generate(PROMPTS, DRAWN, heard.__setitem__)
    assert heard == dict(enumerate(groups))


def test_a_pool_names_a_file_that_it_cannot_use_and_an_engine_it_cannot_name(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(RunError, match="a.parquet"):
        Pool(engine(), tmp_path)
    with pytest.raises(RunError, match="give the pool the model's name"):
        Pool(Scripted(lambda *_: "<|end|>"), tmp_path / "other")
    named = Pool(Scripted(lambda *_: "1<|end|>"), tmp_path / "other", model="scripted")
    assert named.generate(["x"], Sampling())[0][0].text == "1"


def test_new_weights_are_another_model(tmp_path):
    pool = Pool(engine(), tmp_path)
    old = pool.generate(PROMPTS, DRAWN)
    pool.load_weights(toy_model(seed=1).state_dict())
    assert pool.generate(PROMPTS, DRAWN) == engine(seed=1).generate(PROMPTS, DRAWN) != old


def test_a_meter_over_a_pool_counts_what_was_served(tmp_path):
    pool = Pool(engine(), tmp_path)
    pool.generate(PROMPTS, replace(DRAWN, n=8))
    meter = Metered(pool, 3)
    groups = meter.generate(PROMPTS, DRAWN)
    assert [c.tokens for c in meter.costs] == [sum(len(r.token_ids) for r in g) for g in groups]
    assert total(meter.costs, "flops") > 0
