"""Replies that are gone on from: nothing kept is computed again, what comes of it is the same, and the counters tell."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from aha.rollout.engine import TorchEngine
from aha.search.beam import Beam
from aha.search.mcts import Mcts
from aha.types import Sampling
from tests.search_tree_toys import CHAT, TASK, hashed
from tests.test_search_tree_engine import PROBLEMS, talker
from tests.toys import toy_chat, toy_model

PROMPTS = [toy_chat().encode(text) for text in ("User: 1 + 1\nAssistant:", "User: a longer question of 12\nAssistant:")]
STEP = {"n": 3, "max_tokens": 9, "stop_token_ids": tuple(range(0, 1400, 7))}


def gone_on(engine, sampling, rounds=4, keeping=True):
    """Replies drawn a step at a time, the first of each group gone on from, with two tokens put in now and then."""
    said, prompts = [], PROMPTS
    with engine.remembering() if keeping else nullcontext():
        for turn in range(rounds):
            groups = engine.generate(prompts, sampling)
            said += [reply for group in groups for reply in group]
            put = [5, 6] if turn % 2 else []
            prompts = [group[0].prompt_ids + group[0].token_ids + put for group in groups]
    return said, prompts


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("temperature", [0, 1])
def test_replies_and_log_probabilities_are_those_without_keeping(family, temperature):
    model = toy_model(family=family)
    sampling = Sampling(temperature=temperature, **STEP)
    kept, _ = gone_on(TorchEngine(model, toy_chat()), sampling)
    anew, _ = gone_on(TorchEngine(model, toy_chat()), sampling, keeping=False)
    assert [r.token_ids for r in kept] == [r.token_ids for r in anew]
    for one, other in zip(kept, anew, strict=True):
        torch.testing.assert_close(torch.tensor(one.logprobs), torch.tensor(other.logprobs), atol=1e-4, rtol=1e-4)


def test_half_precision_goes_on_as_it_would_have_without_stopping():
    engine, prompts = TorchEngine(toy_model("qwen3").bfloat16(), toy_chat()), PROMPTS
    with engine.remembering():
        for _ in range(4):
            replies = engine.generate(prompts, Sampling(temperature=0, max_tokens=6))
            prompts = [reply.prompt_ids + reply.token_ids for [reply] in replies]
    with engine.remembering():
        whole = engine.generate(PROMPTS, Sampling(temperature=0, max_tokens=24))
    for ids, prompt, [reply] in zip(prompts, PROMPTS, whole, strict=True):
        assert ids[len(prompt) :][: len(reply.token_ids)] == reply.token_ids


def test_every_token_is_computed_once_and_the_counters_say_so():
    engine = TorchEngine(toy_model(), toy_chat())
    before = [len(ids) for ids in PROMPTS]
    with engine.remembering():
        first = engine.generate(PROMPTS, Sampling(**STEP))
        assert engine.last_read == {"prompt_tokens": [n - 1 for n in before], "reused_tokens": [0, 0]}
        ways = [r.prompt_ids + r.token_ids for group in first for r in group]
        engine.generate([*ways, ways[0][:-1], [*ways[1], 5, 6]], Sampling(**STEP))
    assert engine.last_read["prompt_tokens"] == [0] * 7 + [2]
    assert engine.last_read["reused_tokens"] == [*(len(w) - 1 for w in ways), len(ways[0]) - 2, len(ways[1]) - 1]
    assert engine.ledger.prompt_tokens == sum(before) - 2 + 2
    assert engine.ledger.reused_tokens == sum(engine.last_read["reused_tokens"])


def test_threads_that_share_a_prompt_count_it_each_whoever_is_first():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    engine = TorchEngine(toy_model(), toy_chat())
    with engine.remembering():
        engine.generate(PROMPTS[:1], Sampling(n=80, max_tokens=3))
    torch.set_num_threads(before)
    assert (engine.ledger.prompt_tokens, engine.ledger.reused_tokens) == (2 * (len(PROMPTS[0]) - 1), 0)


def test_a_small_limit_changes_what_is_computed_and_nothing_else():
    model, sampling = toy_model(), Sampling(**STEP)
    small, large = TorchEngine(model, toy_chat(), kept=128 * 40), TorchEngine(model, toy_chat())
    (said, _), (expected, _) = gone_on(small, sampling), gone_on(large, sampling)
    assert [r.token_ids for r in said] == [r.token_ids for r in expected]
    assert small.ledger.prompt_tokens > large.ledger.prompt_tokens and small.ledger.reused_tokens > 0


def test_outside_nothing_is_kept_and_inside_new_weights_are_read_with():
    engine = TorchEngine(toy_model(), toy_chat())
    gone_on(engine, Sampling(**STEP), keeping=False)
    assert engine.ledger.reused_tokens == 0
    _, prompts = gone_on(engine, Sampling(**STEP))
    before = engine.ledger.reused_tokens
    assert before > 0 and engine.generate(prompts, Sampling(max_tokens=5)) and engine.ledger.reused_tokens == before
    with engine.remembering():
        engine.generate(prompts, Sampling(max_tokens=5))
        engine.load_weights(toy_model(seed=9).state_dict())
        after = engine.generate(prompts, Sampling(max_tokens=5, temperature=0))
    assert engine.ledger.reused_tokens == before
    fresh = TorchEngine(toy_model(seed=9), toy_chat()).generate(prompts, Sampling(max_tokens=5, temperature=0))
    assert [reply.token_ids for [reply] in after] == [reply.token_ids for [reply] in fresh]


SEARCHES = {
    "beam": Beam(hashed, n=8, width=2, max_tokens=40, step_tokens=12),
    "lookahead": Beam(hashed, n=4, width=2, lookahead=2, max_tokens=40, step_tokens=12),
    "mcts": Mcts(hashed, n=8, width=2, max_tokens=40),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_pays_for_no_token_twice_whoever_is_asked_beside(name):
    engine = talker()
    together = [solved.cost for solved in SEARCHES[name](engine, TASK, PROBLEMS, 2)]
    assert sum(c.prompt_tokens for c in together) == engine.ledger.prompt_tokens
    assert sum(c.reused_tokens for c in together) == engine.ledger.reused_tokens > 0
    for cost, problem in zip(together, PROBLEMS, strict=True):
        [alone] = SEARCHES[name](talker(), TASK, [problem], 2)
        assert (cost.prompt_tokens, cost.reused_tokens) == (alone.cost.prompt_tokens, alone.cost.reused_tokens)
        assert cost.prompt_tokens == len(CHAT.encode(problem.prompt)) - 1
