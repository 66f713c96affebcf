"""Tree searches on a real engine: costs are its own counters, and answers do not depend on what else is asked."""

from __future__ import annotations

import pytest

from aha.chat import render
from aha.models.steps import split
from aha.rollout.engine import TorchEngine
from aha.search.beam import Beam
from aha.search.mcts import Mcts
from aha.types import Problem
from tests.search_tree_toys import CHAT, TASK, hashed
from tests.toys import toy_model


def talker():
    """A random model that ends lines, thoughts and replies now and then."""
    model = toy_model()
    model.embed.weight.data[[CHAT.end_id, *CHAT.encode("\n</think>")]] *= 2
    return TorchEngine(model, CHAT)


PROBLEMS = [Problem(render(f"make {n}")) for n in (1, 22, 333)]
SEARCHES = {
    "beam": Beam(hashed, n=8, width=2, max_tokens=40, step_tokens=12),
    "trees": Beam(hashed, n=8, width=2, trees=0, max_tokens=40, step_tokens=12),
    "lookahead": Beam(hashed, n=4, width=2, lookahead=2, max_tokens=40, step_tokens=12),
    "mcts": Mcts(hashed, n=8, width=2, max_tokens=40),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_costs_are_the_engines_own_counters(name):
    engine = talker()
    costs = [solved.cost for solved in SEARCHES[name](engine, TASK, PROBLEMS, 0)]
    assert sum(c.tokens for c in costs) == engine.ledger.tokens > 0
    assert sum(c.prompt_tokens for c in costs) == engine.ledger.prompt_tokens > 0
    assert all(c.scorer_tokens > 0 and c.passes > 0 for c in costs)


@pytest.mark.parametrize("name", SEARCHES)
def test_an_answer_does_not_depend_on_what_else_is_asked(name):
    together = SEARCHES[name](talker(), TASK, PROBLEMS, 3)
    alone = [SEARCHES[name](talker(), TASK, [problem], 3)[0] for problem in PROBLEMS]
    for one, other in zip(together, alone, strict=True):
        assert [c.reply.token_ids for c in one.candidates] == [c.reply.token_ids for c in other.candidates]
        assert (one.answer, one.votes, one.cost.tokens) == (other.answer, other.votes, other.cost.tokens)


@pytest.mark.parametrize("name", SEARCHES)
def test_candidates_are_whole_replies_within_their_limit(name):
    found = [c for solved in SEARCHES[name](talker(), TASK, PROBLEMS, 1) for c in solved.candidates]
    assert {c.reply.finish for c in found} == {"stop", "length"}
    for c in found:
        assert (c.reply.token_ids[-1] == CHAT.end_id) == (c.reply.finish == "stop")
        assert len(c.reply.token_ids) <= 40 and len(c.reply.logprobs) == len(c.reply.token_ids)
        assert c.reply.text == CHAT.decode(c.reply.token_ids) and len(c.step_scores) == len(split(c.reply.text))


def test_another_seed_searches_elsewhere():
    texts = [[c.reply.text for c in SEARCHES["beam"](talker(), TASK, PROBLEMS[:1], s)[0].candidates] for s in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
