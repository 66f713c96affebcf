"""Methods at equal tokens, the Pareto front, and what difficulty decides: small tables worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from aha.evaluation.answers import BILL, Answers
from aha.evaluation.equal_tokens import at, budgets, compare, curves, front
from aha.evaluation.optimal import allocate, folds, pick, quantiles, saving


def made(method: str, size: int, credit_Q: list[float], tokens: float | list[float]) -> Answers:
    tokens_Q = tokens if isinstance(tokens, list) else [float(tokens)] * len(credit_Q)
    bill = {name: [0.0] * len(credit_Q) for name in BILL} | {"tokens": tokens_Q}
    return Answers(method, size, f"{method}:{size}", credit_Q, [0.0] * len(credit_Q), [0.0] * len(credit_Q), bill)


SAMPLE = made("sample", 1, [0.0, 0.5, 1.0, 0.5], 100)
VOTES = [made("vote", 2, [0.0, 0.5, 1.0, 0.5], 200), made("vote", 4, [0.0, 1.0, 1.0, 1.0], 400)]
BEST = made("best by process", 2, [0.5, 1.0, 1.0, 1.0], 300)
BEAM = made("beam", 4, [1.0, 1.0, 1.0, 0.0], 350)
EVERY = [SAMPLE, *VOTES, BEST, BEAM]


def test_a_curve_is_in_the_order_of_its_tokens_and_begins_with_one_sample():
    found = curves([*VOTES[::-1], SAMPLE, BEST, BEAM])
    assert [one.size for one in found["vote"]] == [1, 2, 4] and [one.size for one in found["beam"]] == [4]
    assert [one.method for one in found["best by process"]] == ["sample", "best by process"]


def test_a_budget_between_two_sizes_is_a_mixture_of_them():
    vote = curves(EVERY)["vote"]
    mixed = at("vote", vote, 250)
    assert mixed.sizes == (2, 4) and mixed.tokens == 250
    assert mixed.credit_Q == [0.0, 0.625, 1.0, 0.625]
    assert at("vote", vote, 200).sizes == (2,) and at("vote", vote, 99) is None
    assert at("vote", vote, 9000).sizes == (4,) and at("vote", vote, 9000).tokens == 400


def test_at_every_budget_the_best_is_compared_with_the_plain_vote_question_by_question():
    one, two, four = compare(EVERY, budgets(EVERY))
    assert [r.tokens for r in (one, two, four)] == [100.0, 200.0, 400.0]
    assert [s.method for s in one.spent] == ["vote"] and one.lead is None
    assert two.spent[0].method == "best by process" and two.spent[0].credit_Q == [0.25, 0.75, 1.0, 0.75]
    assert two.rival == "vote" and two.lead.mean == pytest.approx(0.1875)
    assert four.spent[0].method == "best by process" and four.lead.mean == pytest.approx(0.125)
    assert set(four.over_vote) == {"best by process", "beam"} and four.over_vote["beam"].mean == 0.0


def test_where_the_vote_wins_the_second_is_its_rival():
    [found] = compare([SAMPLE, *VOTES, made("beam", 4, [0.0] * 4, 10)], [400])
    assert found.spent[0].method == "vote" and found.rival == "beam" and found.lead.mean == pytest.approx(0.75)
    [alone] = compare([made("greedy", 1, [1.0, 0.0], 10)], [20])
    assert alone.spent[0].method == "greedy" and alone.lead is None and alone.over_vote == {}


def test_the_front_is_what_nothing_beats():
    assert front([(1, 0.2), (2, 0.5), (2, 0.4), (3, 0.5), (4, 0.1), (5, 0.6)]) == {0, 1, 5}
    assert front([(2, 0.5), (1, 0.5)]) == {1} and front([]) == set()


EASE = [0.0, 0.0, 0.1, 0.1, 0.9, 0.9, 1.0, 1.0]
LOW = made("direct", 1, [0, 0, 0, 0, 1, 1, 1, 1], 10)
HIGH = made("beam", 4, [1, 1, 1, 1, 0, 0, 0, 0], 100)


def test_each_bin_gets_what_earned_most_on_the_other_fold():
    found = allocate([LOW, HIGH], EASE, budget=100, bins=2)
    assert found.optimal.credit_Q == found.oracle.credit_Q == [1.0] * 8
    assert found.optimal.tokens_Q == [100.0] * 4 + [10.0] * 4 and found.optimal.tokens == 55
    assert found.chosen == [["beam 4", "direct 1"]] * 2
    assert found.alone == ["direct 1", "direct 1"]  # of two that are right on half, the cheaper
    assert found.single.accuracy.mean == 0.5 and found.lead.mean == 0.5


def test_a_budget_forbids_what_takes_more_and_the_cheapest_is_always_there():
    assert allocate([LOW, HIGH], EASE, budget=50, bins=2).chosen == [["direct 1", "direct 1"]] * 2
    assert allocate([LOW, HIGH], EASE, budget=1, bins=2).chosen == [["direct 1", "direct 1"]] * 2
    tokens, credit = np.array([[5.0, 5.0], [1.0, 9.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert pick(credit, tokens, np.array([0]), 5) == 1 and pick(credit, tokens, np.array([0, 1]), 5) == 0


def test_no_question_chooses_for_itself():
    """Of two methods, each right on one fold only, the other fold's choice is always the wrong one."""
    first, second = folds(EASE, seed=0)
    a = made("a", 1, [float(q in first) for q in range(8)], 10)
    b = made("b", 1, [float(q in second) for q in range(8)], 10)
    found = allocate([a, b], EASE, budget=10, bins=1)
    assert found.optimal.credit_Q == found.single.credit_Q == [0.0] * 8 and found.oracle.credit_Q == [1.0] * 8
    assert found.alone == ["a 1", "b 1"]


def test_folds_are_halves_of_about_the_same_ease():
    first, second = folds([q / 100 for q in range(101)], seed=3)
    assert sorted([*first, *second]) == list(range(101)) and abs(len(first) - len(second)) == 1
    assert abs(first.mean() - second.mean()) < 2
    assert not np.array_equal(first, folds([q / 100 for q in range(101)], seed=4)[0])


def test_quantiles_of_values_that_are_alike_leave_no_bin_empty():
    assert quantiles([1, 2, 3, 4, 5], 5).tolist() == [1, 2, 3, 4]
    for values in ([0, 0, 0, 0, 1], [0, 1, 1, 1, 1], [0, 0, 0.5, 1, 1], [1, 1, 1, 1, 1]):
        edges = quantiles(values, 5)
        assert set(np.searchsorted(edges, values)) == set(range(len(edges) + 1))


def test_the_saving_is_what_the_best_single_method_takes_to_earn_as_much():
    slow = [made("vote", n, [min(1.0, n / 8)] * 4, 100 * n) for n in (2, 4, 8)]
    hard = made("beam", 1, [0.75] * 4, 300)
    alone = [allocate(slow, [0.5] * 4, one.tokens) for one in slow]
    assert [a.single.accuracy.mean for a in alone] == [0.25, 0.5, 1.0]
    best = allocate([hard], [0.5] * 4, 300)
    assert saving(alone, best) == (pytest.approx(600 / 300), True)
    assert saving(alone[:2], best) == (pytest.approx(400 / 300), False)


def test_two_folds_need_two_questions():
    with pytest.raises(ValueError, match="two questions"):
        allocate([made("vote", 1, [1.0], 1)], [0.5], 1)
