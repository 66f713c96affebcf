"""What answers cost: the parts equal the engine's own counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from aha.rollout.engine import TorchEngine
from aha.search.budget import Budget
from aha.search.hidden import Hidden
from aha.search.ledger import Metered, shares, weights_of
from aha.search.revise import Revise
from aha.search.sample import Chain, Direct, Vote
from aha.types import Completion, Sampling
from tests.search_toys import Scripted, goes_on, total, toy_task
from tests.toys import toy_chat, toy_model

STRATEGIES = [
    Chain(40), Direct(20), Vote(9, max_tokens=30), Budget(cap=40, reserve=9, floor=40, waits=2, n=3, temperature=1.0),
    Revise(3, chains=2, max_tokens=25), Hidden(cap=40, reserve=9, temperature=1.0),
]  # fmt: skip


def real():
    return TorchEngine(toy_model(), toy_chat())


def scripted():
    return Scripted(goes_on("<think>1 2 3</think><answer>6</answer><|end|>"))


@pytest.mark.parametrize("opening", ["", "<think>"])
@pytest.mark.parametrize("make", [real, scripted])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: type(s).__name__)
def test_costs_of_all_answers_equal_the_counters_of_the_engine(strategy, make, opening):
    engine = make()
    task, problems = toy_task("1 + 1", "a longer question about 12, 13 and 14", "x")
    problems = [replace(problem, prompt=problem.prompt + opening) for problem in problems]
    costs = [solved.cost for solved in strategy(engine, task, problems, seed=1)]
    assert total(costs, "prompt_tokens") == engine.ledger.prompt_tokens > 0
    assert total(costs, "tokens") == engine.ledger.tokens > 0
    assert total(costs, "seconds") == pytest.approx(engine.ledger.seconds)
    computed = engine.ledger.prompt_tokens + engine.ledger.tokens
    assert total(costs, "flops") == pytest.approx(2 * weights_of(engine) * computed, rel=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: type(s).__name__)
def test_passes_of_a_problem_alone_are_the_steps_of_the_engine(strategy):
    engine = real()
    task, [problem] = toy_task("1 + 1")
    [solved] = strategy(engine, task, [replace(problem, prompt=problem.prompt + "<think>")], seed=1)
    assert solved.cost.passes == engine.ledger.steps > 0
    assert weights_of(engine) == sum(weight.numel() for weight in engine.model.parameters()) > 0


def test_what_a_problem_costs_and_answers_does_not_depend_on_the_others():
    model, chat = toy_model(), toy_chat()
    task, problems = toy_task("1 + 1", "2 + 2 + 2", "x")
    problems[0] = replace(problems[0], prompt=problems[0].prompt + "<think>")
    for strategy in STRATEGIES:
        together = strategy(TorchEngine(model, chat), task, problems, seed=1)
        alone = [strategy(TorchEngine(model, chat), task, [p], seed=1)[0] for p in problems]
        for a, b in zip(together, alone, strict=True):
            assert [c.reply.token_ids for c in a.candidates] == [c.reply.token_ids for c in b.candidates]
            assert (a.cost.prompt_tokens, a.cost.tokens, a.cost.passes) == (
                b.cost.prompt_tokens,
                b.cost.tokens,
                b.cost.passes,
            )


def test_a_prompt_is_paid_once_for_its_samples_and_again_where_it_is_continued():
    engine = TorchEngine(toy_model(), toy_chat())
    meter = Metered(engine, 1)
    [group] = meter.generate(["User: 1"], Sampling(n=8, max_tokens=4))
    length = len(engine.chat.encode("User: 1"))
    assert meter.costs[0].prompt_tokens == length
    meter.generate([group[0].prompt_ids + group[0].token_ids], Sampling(max_tokens=4))
    assert meter.costs[0].prompt_tokens == 2 * length + len(group[0].token_ids)


def test_a_prompt_that_two_threads_compute_is_paid_twice():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        engine = TorchEngine(toy_model(), toy_chat())
        task, problems = toy_task("1 + 1")
        [solved] = Vote(80, max_tokens=4)(engine, task, problems, seed=0)
    finally:
        torch.set_num_threads(before)
    assert solved.cost.prompt_tokens == engine.ledger.prompt_tokens == 2 * len(engine.chat.encode(problems[0].prompt))


def test_shares_are_whole_add_up_and_equal_their_weights_where_those_add_up():
    assert (
        shares(10, [1, 2, 3]) == [1, 4, 5] and shares(6, [1, 2, 3]) == [1, 2, 3] and shares(12, [1, 2, 3]) == [2, 4, 6]
    )
    assert shares(5, [0, 0]) == [2, 3] and shares(0, [4, 4]) == [0, 0] and shares(3, []) == []
    assert sum(shares(1_000_003, [7, 11, 13, 17])) == 1_000_003


class Server:
    """An engine that tells its totals and hides its tokens."""

    def __init__(self):
        self.ledger = Counter()

    def generate(self, prompts, sampling, done=None):
        self.ledger.update(prompt_tokens=20, tokens=9, seconds=3.0)
        return [[Completion("a" * (2 if i else 1))] for i, _ in enumerate(prompts)]


def test_the_totals_of_an_engine_that_hides_its_tokens_are_dealt_out_by_characters():
    meter = Metered(Server(), 2)
    meter.generate(["abc", "d"], Sampling())
    assert [c.prompt_tokens for c in meter.costs] == [15, 5] and [c.tokens for c in meter.costs] == [3, 6]
    assert total(meter.costs, "seconds") == pytest.approx(3.0) and total(meter.costs, "passes") == 0
    assert total(meter.costs, "flops") == 0.0


def test_scoring_is_noted_with_its_own_weights():
    class Steps:
        model = torch.nn.Linear(10, 1, bias=False)

        def __call__(self, prompts, replies):
            return [[0.5] for _ in replies], [len(reply) for reply in replies]

    meter = Metered(Server(), 2)
    assert meter.score(Steps(), ["p", "p", "p"], ["ab", "c", "defg"], [0, 0, 1]) == [[0.5]] * 3
    assert [c.scorer_tokens for c in meter.costs] == [3, 4]
    assert [c.flops for c in meter.costs] == [2 * 10 * 3, 2 * 10 * 4] and weights_of(Steps()) == 10
    assert meter.score(Steps(), [], [], []) == []
