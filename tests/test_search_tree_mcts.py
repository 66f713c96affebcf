"""Monte-Carlo tree search: which node is visited, what is added to the tree, and what replies are worth."""

from __future__ import annotations

import pytest

from aha.chat import END
from aha.search.draft import Draft
from aha.search.mcts import Mcts, Node, descend, grow
from aha.search.tree import Path
from tests.search_tree_toys import BAD, CHAT, GOOD, Marks, closing, run


def node(text, **changes):
    return Node(Draft(0, [1], token_ids=tuple(CHAT.encode(text))), **changes)


def test_puct_weighs_quality_against_what_has_not_been_visited():
    """Q = (own + total) / (1 + visits); 0.6 + 1 * 0.75 * sqrt(9) / (1 + 8) = 0.85 against 0.5 + 0.25 * 3 / 2 = 0.875."""
    root = node("", visits=9)
    often, seldom = (
        node("yes\n", own=0.6, total=4.8, visits=8, draws=3),
        node("no\n", own=0.4, total=0.6, visits=1, draws=1),
    )
    root.children = {(1,): often, (2,): seldom}
    assert often.quality == pytest.approx(0.6) and root.best(1.0) is seldom and root.best(0.7) is often
    seldom.is_open = False
    assert root.best(1.0) is often
    often.is_open = False
    assert root.best(1.0) is None and descend(root, 4, 1.0) == [root]


def test_a_reply_is_added_step_by_step_and_its_value_goes_to_all_of_its_nodes():
    root = node("")
    draft = Draft(0, [1], token_ids=tuple(CHAT.encode(GOOD + "no\n" + closing(1))), finish="stop")
    for _ in range(2):
        grow(CHAT, [root], Path(draft, (0.2, 0.4, 0.8), 0.8), max_tokens=99)
    [first] = root.children.values()
    [second] = first.children.values()
    [last] = second.children.values()
    assert [(n.visits, n.total, n.own) for n in (root, first, second, last)] == [
        (2, 1.6, 0.0), (2, 1.6, 0.2), (2, 1.6, 0.4), (2, 1.6, 0.8),
    ]  # fmt: skip
    assert [n.is_open for n in (first, second, last)] == [True, True, False] and first.draws == 2
    assert CHAT.decode(second.draft.token_ids) == GOOD + "no\n"


def test_a_reply_that_was_cut_off_is_worth_nothing():
    root = node("")
    cut = Draft(0, [1], token_ids=tuple(CHAT.encode(GOOD + "no")), finish="length")
    grow(CHAT, [root], Path(cut, (0.9, 0.9), 0.9), max_tokens=len(cut.token_ids))
    [first] = root.children.values()
    assert (root.total, first.total, first.own) == (0.0, 0.0, 0.9)
    assert first.is_open and not any(child.is_open for child in first.children.values())


TREE = {
    "": [GOOD + closing(1), BAD + closing(2)],
    GOOD: ["yes\n" + closing(3), closing(4)], BAD: [closing(5)],
    GOOD + "yes\n": [closing(6)],
}  # fmt: skip


def test_a_round_draws_whole_replies_from_the_node_that_looks_best():
    [solved], engine = run(Mcts(Marks(yes=0.9, no=0.1), n=6, width=2, exploration=0.0), TREE)
    assert [texts for texts, _ in engine.calls] == [[""], [GOOD], [GOOD + "yes\n"]]
    assert [c.answer for c in solved.candidates] == ["1", "2", "3", "4", "6", "6"]
    assert [c.score for c in solved.candidates][:2] == [0.9, 0.1]


def test_exploration_leads_to_what_was_drawn_but_scored_low():
    _, engine = run(Mcts(Marks(yes=0.9, no=0.1), n=4, width=2, exploration=0.0), TREE)
    _, curious = run(Mcts(Marks(yes=0.9, no=0.85), n=6, width=2, exploration=5.0), TREE)
    assert engine.calls[1][0] == [GOOD] and [texts for texts, _ in curious.calls][1:] == [[GOOD], [BAD]]


def test_a_node_whose_ways_have_all_ended_is_gone_on_from_anew():
    [solved], engine = run(Mcts(Marks(answer=0.9), n=4, width=2), {"": [f"<answer>{k}</answer>{END}" for k in (1, 2)]})
    assert [texts for texts, _ in engine.calls] == [[""], [""]] and len(solved.candidates) == 4
    assert engine.calls[0][1].seed != engine.calls[1][1].seed
