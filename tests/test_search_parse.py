"""Strategies by name."""

from __future__ import annotations

import pytest

from aha.errors import ConfigError
from aha.models.steps import least
from aha.search.beam import Beam
from aha.search.budget import Budget, StepByStep
from aha.search.hidden import Hidden
from aha.search.mcts import Mcts
from aha.search.parse import KINDS, Scorers, parse
from aha.search.rate import likelihood
from aha.search.revise import Revise, as_turn
from aha.search.sample import BestOf, Chain, Direct, Vote
from aha.search.select import best, length_weighted, weighted
from tests.search_toys import candidates


def steps(prompts, replies):
    return [], []


ALL = Scorers(outcome=lambda pairs: [], process=steps)


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("greedy", Chain()), ("greedy:99", Chain(99)), ("direct", Direct()), ("steps:50,reserve=9", StepByStep(50, 9)),
        ("sample", Chain(temperature=0.6)), ("sample,temperature=1", Chain(temperature=1.0)),
        ("vote:16", Vote(16)), ("vote", Vote()), (" vote:4 , max_tokens=99, top_p=0.9", Vote(4, max_tokens=99, top_p=0.9)),
        ("length:8", Vote(8, length_weighted)), ("revise:3,chains=2", Revise(3, 2)),
        ("revise:3,show=turn", Revise(3, show=as_turn)), ("hidden:3", Hidden(3)),
        ("budget:200,floor=100,waits=2,wait=Hm", Budget(200, floor=100, waits=2, wait="Hm")),
        ("bon:4,by=likelihood", BestOf(4, likelihood, best)), ("weighted:4,by=likelihood", BestOf(4, likelihood, weighted)),
    ],
)  # fmt: skip
def test_a_name_a_number_and_settings_make_a_strategy(text, strategy):
    assert parse(text) == strategy


def test_the_m_shortest_vote():
    choose = parse("short:8,m=1").choose
    assert choose(candidates(("a", 9), ("b", 3), ("a", 4))).answer == "b"


def test_tree_searches_get_the_process_model():
    assert parse("beam:8", ALL) == Beam(steps, 8) and parse("beam:8,width=2", ALL) == Beam(steps, 8, 2)
    assert parse("dvts:8", ALL) == Beam(steps, 8, trees=0)
    assert parse("lookahead:8,lookahead=2", ALL) == Beam(steps, 8, lookahead=2)
    assert parse("mcts:8,aggregate=min", ALL) == Mcts(steps, 8, aggregate=least)


@pytest.mark.parametrize(
    ("text", "scorers", "says"),
    [
        ("vot:16", Scorers(), "no strategy 'vot'; did you mean vote? there is greedy, sample, direct"),
        ("", Scorers(), "no strategy ''; there is greedy"),
        ("vote:x", Scorers(), "vote: n should be a whole number, got 'x'"),
        ("vote:", Scorers(), "vote: n should be a whole number, got ''"),
        ("vote:4,top_p=high", Scorers(), "vote: top_p should be a number"),
        ("vote:4,m=3", Scorers(), "vote has no setting 'm=3'; write vote:NUMBER for n, or KEY=VALUE of n, max_tokens, temperature, top_p"),
        ("vote:4,choose=best", Scorers(), "vote has no setting 'choose=best'"),
        ("vote:4,8", Scorers(), "vote has no setting '8'"), ("vote:0", Scorers(), "n = 0: give 1 or more"),
        ("vote:99999999999999999999", Scorers(), "give at most 1,000,000"), ("short:4,m=9", Scorers(), "give 1 to 4"),
        ("short:4,m=0", Scorers(), "m = 0"), ("beam:4", Scorers(), "needs a process model"),
        ("bon:4", Scorers(), "say what to score by: by=likelihood; --scorer"),
        ("bon:4", ALL, "say what to score by: by=outcome or by=process or by=likelihood"),
        ("bon:4,by=judge", ALL, "by=judge: that is not here"), ("revise:2,show=all", Scorers(), "use thought or turn"),
        ("mcts:4,aggregate=sum", ALL, "aggregate=sum: use last, min, product, mean"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_that_says_what_there_is(text, scorers, says):
    with pytest.raises(ConfigError) as raised:
        parse(text, scorers)
    assert says in str(raised.value) and "\n" not in str(raised.value)


def test_every_name_makes_a_strategy_that_can_be_called():
    for name, kind in KINDS.items():
        by = "rule" if name == "route" else "outcome"
        text = f"{name}:4,by={by}" if "by" in kind.extra else f"{name}:4"
        assert callable(parse(text, ALL)) and kind.about


def test_one_scorer_is_what_scores():
    assert parse("bon:4", Scorers(process=steps)).rate is not likelihood
