"""Beam search, diverse trees and lookahead by hand, on an engine that goes on by a table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from aha.errors import ConfigError, RunError
from aha.models.steps import last, least
from aha.search.beam import Beam
from aha.search.mcts import Mcts
from aha.search.select import best
from tests.search_tree_toys import BAD, GOOD, PROBLEM, TASK, Book, Marks, at_once, closing, hashed, run

TWO = {
    "": [GOOD, BAD],
    GOOD: [closing(1), closing(2)], BAD: [closing(3), closing(4)],
}  # fmt: skip


def test_the_best_beams_go_on_and_their_finished_replies_are_weighed():
    [solved], engine = run(Beam(Marks(yes=0.9, no=0.1), n=2, width=2), TWO)
    assert [texts for texts, _ in engine.calls] == [[""], [GOOD]] and [s.n for _, s in engine.calls] == [2, 2]
    assert [c.answer for c in solved.candidates] == ["1", "2"] and solved.votes == {"1": 0.9, "2": 0.9}
    assert solved.candidates[0].step_scores == (0.9, 0.9) and solved.candidates[0].reply.finish == "stop"


def test_all_problems_and_beams_share_one_call_a_round_and_one_of_the_scorer():
    scorer = Marks(yes=0.9, no=0.8)
    calls = []
    both, engine = run(
        Beam(lambda *asked: calls.append(asked) or scorer(*asked), n=4, width=2), TWO, [PROBLEM, PROBLEM]
    )
    assert [texts for texts, _ in engine.calls] == [["", ""], [GOOD, BAD, GOOD, BAD]] and len(calls) == 2
    assert [len(solved.candidates) for solved in both] == [4, 4]


def test_equal_beams_are_gone_on_from_once():
    [solved], engine = run(Beam(Marks(yes=0.9), n=8, width=2), {"": [GOOD], GOOD: [closing(1), closing(2)]})
    assert engine.calls[1][0] == [GOOD] and len(solved.candidates) == 2


def test_a_finished_beam_keeps_its_place_and_stays_a_candidate_to_the_end():
    table = {
        "": [GOOD, at_once(1)], GOOD: ["yes\n", "no\n"],
        GOOD + "yes\n": [closing(2), closing(3)],
    }  # fmt: skip
    [solved], engine = run(Beam(Marks(yes=0.6, answer=0.9, no=0.1), n=4, width=2), table)
    assert [texts for texts, _ in engine.calls] == [[""], [GOOD], [GOOD + "yes\n"]]
    assert sorted(c.answer for c in solved.candidates) == ["1", "1", "2", "3"]


def test_finished_replies_that_did_not_stay_are_candidates_too():
    [solved], _ = run(Beam(Marks(yes=0.9, answer=0.1), n=2, width=2), TWO | {"": [GOOD, at_once(5)]})
    assert [c.answer for c in solved.candidates] == ["5", "1", "2"]


def test_the_search_and_the_choice_go_by_the_same_aggregate():
    """Line by line: "no yes" ends high but has a low step."""
    table = {
        "": ["<think>no\n", "<think>make\n"], "<think>no\n": ["yes\n"], "<think>make\n": ["make\n"],
        "<think>no\nyes\n": [closing(1)], "<think>make\nmake\n": [closing(2)],
    }  # fmt: skip
    marks = {"no": 0.1, "yes": 0.9, "make": 0.5}
    for aggregate, order, scores in ((last, "12", {"1": 0.9, "2": 0.5}), (least, "21", {"1": 0.1, "2": 0.5})):
        [solved], _ = run(Beam(Marks(**marks), n=2, width=1, aggregate=aggregate), table)
        assert solved.votes == scores and "".join(c.answer for c in solved.candidates) == order


def test_the_best_reply_can_be_chosen_in_place_of_the_heaviest_answer():
    table = {"": [at_once(1), at_once(2), at_once(2), at_once(2)]}
    marks = {"answer>1": 0.8, "answer>2": 0.4}
    for choose, answer in ((best, "1"), (Beam(None).choose, "2")):
        [solved], _ = run(Beam(Marks(**marks), n=4, width=4, choose=choose), table)
        assert solved.answer == answer


def test_a_reply_that_runs_out_of_tokens_is_no_answer_and_takes_no_place():
    long = "<think>" + "yes " * 30 + closing(1)
    [solved], engine = run(
        Beam(Marks(yes=0.9, no=0.1), n=2, width=2, max_tokens=20), {"": [long, BAD], BAD: [closing(3)]}
    )
    assert [(c.reply.finish, c.answer) for c in solved.candidates][0] == ("length", None)
    assert len(solved.candidates[0].reply.token_ids) == 20 and solved.answer == "3"
    assert solved.cost.tokens == engine.ledger.tokens > sum(len(c.reply.token_ids) for c in solved.candidates)


# Diverse trees


def test_each_tree_keeps_its_own_best_beam():
    begins = [f"<think>{word}\n" for word in ("yes", "User", "no", "make")]
    table = {"": begins} | {begin: [closing(k)] for k, begin in enumerate(begins)}
    scorer = Marks(yes=0.9, User=0.8, no=0.1, make=0.2)
    _, beam = run(Beam(scorer, n=4, width=2), table)
    _, trees = run(Beam(scorer, n=4, width=2, trees=0), table)
    assert beam.calls[1][0] == begins[:2] and trees.calls[1][0] == [begins[0], begins[3]]


def test_equal_beams_of_different_trees_draw_on_their_own():
    scores = Marks(yes=0.9)
    engine = Book({"": [GOOD], GOOD: [closing(1), closing(2)]})
    [solved] = Beam(scores, n=4, width=2, trees=2)(engine, TASK, [PROBLEM], 0)
    assert engine.calls[1][0] == [GOOD, GOOD] and len(solved.candidates) == 4


# Lookahead

AHEAD = {
    "": [GOOD, BAD],
    GOOD: ["no no\n", closing(1)], BAD: ["yes yes\n", closing(3)],
    GOOD + "no no\n": [closing(2)], BAD + "yes yes\n": [closing(4)],
}  # fmt: skip


@pytest.mark.parametrize(("lookahead", "goes_on"), [(0, GOOD), (1, BAD)])
def test_lookahead_changes_what_the_model_sees_and_what_is_chosen(lookahead, goes_on):
    scorer = Marks(yes=0.9, no=0.1)
    _, engine = run(Beam(scorer, n=2, width=2, lookahead=lookahead), AHEAD)
    sampled = [texts for texts, sampling in engine.calls if sampling.temperature]
    assert sampled[1] == [goes_on]
    assert scorer.seen[:2] == ([GOOD + "no no\n", BAD + "yes yes\n"] if lookahead else [GOOD, BAD])


def test_lookahead_is_greedy_paid_for_and_forgotten():
    [plain], _ = run(Beam(Marks(no=0.9, yes=0.1), n=2, width=2), AHEAD)
    [ahead], engine = run(Beam(Marks(no=0.1, yes=0.9), n=2, width=2, lookahead=1), AHEAD)
    rolled = [(texts, s) for texts, s in engine.calls if s.temperature == 0]
    assert rolled[0][0] == [GOOD, BAD] and rolled[0][1].n == 1
    assert ahead.cost.tokens == engine.ledger.tokens > plain.cost.tokens
    assert [c.answer for c in ahead.candidates] == ["3", "4", "4"]


# Settings


@pytest.mark.parametrize(
    "make", [lambda: Beam(hashed, n=6, width=4), lambda: Beam(hashed, n=8, width=2, trees=3), lambda: Mcts(hashed, n=6)]
)
def test_rounds_that_cannot_be_dealt_out_are_refused(make):
    with pytest.raises(ConfigError, match="is no multiple of width"):
        make()


def test_an_engine_that_hides_its_tokens_is_refused():
    for strategy in (Beam(hashed), Mcts(hashed)):
        with pytest.raises(RunError, match="does not show its tokens"):
            strategy(SimpleNamespace(), TASK, [PROBLEM], 0)


def test_what_happens_can_be_watched():
    events = []
    run(Beam(Marks(yes=0.9, no=0.1), n=2, width=2), TWO, watch=events.append)
    steps = [(e["text"], e["score"], e["kept"]) for e in events if e["kind"] == "step"]
    assert steps == [(GOOD, 0.9, True), (BAD, 0.1, False)]
    assert [e["kind"] for e in events[2:]] == ["reply", "reply", "answer"]
