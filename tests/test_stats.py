"""The statistics against values worked out by hand, by brute force, and against what must always hold."""

import math
from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aha import stats

matrices = st.integers(1, 6).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 1), min_size=k, max_size=k), min_size=1, max_size=12)
)


def test_wilson_agrees_with_published_values():
    """Newcombe 1998, table I: 81 of 263 and 0 of 20."""
    some, none = stats.wilson(81, 263), stats.wilson(0, 20)
    assert (some.low, some.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=1e-4)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (3, 2), (-1, 4)])
def test_wilson_refuses_what_is_no_share(successes, n):
    with pytest.raises(ValueError, match="no share"):
        stats.wilson(successes, n)


@pytest.mark.parametrize(
    ("degrees", "value"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (9, 2.2622), (30, 2.0423), (120, 1.9799)],
)
def test_t_quantile_agrees_with_the_tables(degrees, value):
    assert stats.t_quantile(degrees) == pytest.approx(value, abs=1e-4)


def test_t_quantile_has_no_jump_where_the_method_changes():
    assert stats.t_quantile(1000) == pytest.approx(stats.t_quantile(1001), abs=1e-5)


def test_clustered_mean_by_hand():
    """Question means 0, 1/2, 1, 1/2: standard deviation 0.4082, standard error 0.2041, t of 3 degrees 3.1824."""
    interval = stats.clustered_mean([[0, 0], [1, 0], [1, 1], [0, 1]])
    assert interval == stats.Interval(0.5, 0.0, 1.0)  # 0.5 -+ 0.65, clipped
    many = stats.clustered_mean([[0, 0], [1, 0], [1, 1], [0, 1]] * 25)
    half = 1.98422 * math.sqrt(0.125 * 100 / 99) / 10
    assert (many.low, many.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)


def test_more_samples_of_the_same_questions_do_not_sharpen_the_interval():
    few = stats.clustered_mean([[0, 1], [1, 1], [0, 0], [1, 1]])
    many = stats.clustered_mean([[0, 1] * 50, [1, 1] * 50, [0, 0] * 50, [1, 1] * 50])
    assert (many.low, many.high) == pytest.approx((few.low, few.high))


@pytest.mark.parametrize("rows", [[[1], [1], [1]], [[0], [1], [1]], [[1, 0], [0, 1], [1, 0]], [[1, 0]]])
def test_where_the_spread_is_blind_wilson_over_questions_steps_in(rows):
    assert stats.clustered_mean(rows) == stats.wilson(sum(fmean(row) for row in rows), len(rows))


@given(matrices)
def test_clustered_mean_stays_in_bounds_and_holds_its_mean(rows):
    interval = stats.clustered_mean(rows)
    assert 0 <= interval.low <= interval.mean <= interval.high <= 1
    assert interval.low < interval.high
    assert interval.mean == pytest.approx(fmean(fmean(row) for row in rows))


@pytest.mark.parametrize("rows", [[], [[]], [[1], []]])
def test_a_question_without_samples_is_refused(rows):
    with pytest.raises(ValueError, match="question"):
        stats.clustered_mean(rows)


@pytest.mark.parametrize(
    ("n", "c", "k"), [(n, c, k) for n in range(1, 7) for c in range(n + 1) for k in range(1, n + 1)]
)
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_one(n, c, k):
    samples = [1] * c + [0] * (n - c)
    assert stats.pass_at_k(n, c, k) == pytest.approx(fmean(any(draw) for draw in combinations(samples, k)))


@given(st.integers(1, 300), st.data())
def test_pass_at_k_is_a_chance_and_grows_with_k(n, data):
    c = data.draw(st.integers(0, n))
    chances = [stats.pass_at_k(n, c, k) for k in range(1, n + 1)]
    assert chances[0] == pytest.approx(c / n)
    assert all(0 <= a <= b + 1e-12 <= 1 + 2e-12 for a, b in zip(chances, chances[1:], strict=False))


def test_pass_at_k_survives_large_numbers():
    assert stats.pass_at_k(100_000, 1, 50_000) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 1, 5), (4, 5, 1), (4, 1, 0), (4, -1, 1)])
def test_pass_at_k_refuses_more_tries_than_samples(n, c, k):
    with pytest.raises(ValueError, match="undefined"):
        stats.pass_at_k(n, c, k)


@given(matrices)
def test_one_try_is_the_mean_and_k_tries_never_hurt(rows):
    tries = [stats.mean_pass_at_k(rows, k) for k in range(1, len(rows[0]) + 1)]
    assert tries[0] == pytest.approx(fmean(fmean(row) for row in rows))
    assert tries == pytest.approx(sorted(tries))


@pytest.mark.parametrize(
    ("answers", "correct", "credit"),
    [
        (["6", "6", "7"], [1, 1, 0], 1.0),
        (["7", "7", "6"], [0, 0, 1], 0.0),
        (["6", "7"], [1, 0], 0.5),
        (["6", "7", "8"], [0, 1, 0], 1 / 3),
        ([None, None, "6"], [0, 0, 1], 1.0),
        ([None, None], [0, 0], 0.0),
        (["1/2", "0.5", "3"], [1, 1, 0], 2 / 3),
    ],
)
def test_a_vote_of_all_samples(answers, correct, credit):
    assert stats.cons_at_k([answers], [correct], len(answers)) == [pytest.approx(credit)]


def test_a_vote_of_one_is_pass_at_1():
    answers, correct = [["6", None, "7", "6"]], [[1, 0, 0, 1]]
    assert stats.cons_at_k(answers, correct, 1) == [0.5]


def test_random_subsets_come_close_to_all_subsets_and_repeat():
    """C(16, 8) is 12,870. Of 2,000 drawn, five standard errors are 0.056: odds of a false failure below 1e-6."""
    answers = [["6"] * 7 + ["7"] * 6 + [None] * 3]
    correct = [[1] * 7 + [0] * 9]
    exact = stats.cons_at_k(answers, correct, 8, subsets=20_000)
    drawn = stats.cons_at_k(answers, correct, 8, subsets=2_000)
    assert drawn == pytest.approx(exact, abs=0.056)
    assert drawn == stats.cons_at_k(answers, correct, 8, subsets=2_000)
    assert drawn != stats.cons_at_k(answers, correct, 8, subsets=2_000, seed=1)


def test_a_vote_needs_its_samples():
    with pytest.raises(ValueError, match="a vote of 3"):
        stats.cons_at_k([["6", "7"]], [[1, 0]], 3)


@given(st.lists(st.lists(st.sampled_from([None, "6", "7", "8"]), min_size=4, max_size=4), min_size=1, max_size=6))
def test_votes_earn_between_nothing_and_everything(answers):
    correct = [[int(answer == "6") for answer in row] for row in answers]
    for k in range(1, 5):
        credits = stats.cons_at_k(answers, correct, k)
        assert len(credits) == len(answers) and all(0 <= credit <= 1 for credit in credits)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 2**32))
def test_the_bootstrap_stays_within_its_values_and_repeats(values, seed):
    interval = stats.bootstrap_interval(values, seed, repeats=50)
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9
    assert interval == stats.bootstrap_interval(values, seed, repeats=50)


def test_the_bootstrap_is_about_as_wide_as_students_interval():
    values = [0.0, 0.25, 0.5, 0.75, 1.0] * 40
    drawn, student = stats.bootstrap_interval(values, seed=1), stats.t_interval(values)
    assert (drawn.low, drawn.high) == pytest.approx((student.low, student.high), abs=0.01)


def test_pairing_removes_how_hard_the_questions_are():
    """Questions differ a lot, and b falls short of a by a quarter on half of them."""
    a = [[1, 1, 1, 1], [1, 0, 0, 0]] * 20
    b = [[1, 1, 1, 0], [1, 0, 0, 0]] * 20
    difference = stats.paired_difference(a, b)
    assert difference.mean == pytest.approx(0.125)
    half = 2.02269 * math.sqrt(0.125**2 * 40 / 39) / math.sqrt(40)
    assert (difference.low, difference.high) == pytest.approx((0.125 - half, 0.125 + half), abs=1e-5)
    assert stats.clustered_mean(a).low < stats.clustered_mean(b).high  # unpaired, one could not tell


def test_equal_results_still_leave_room_for_doubt():
    difference = stats.paired_difference([[1], [0]] * 50, [[1], [0]] * 50)
    assert difference.mean == 0 and -0.04 < difference.low < 0 < difference.high < 0.04


@given(matrices)
def test_a_difference_turns_its_sign_with_its_sides(rows):
    forth, back = (stats.paired_difference(*pair) for pair in ((rows, rows[::-1]), (rows[::-1], rows)))
    assert (forth.mean, forth.low, forth.high) == pytest.approx((-back.mean, -back.high, -back.low))
    assert -1 <= forth.low <= forth.mean <= forth.high <= 1


def test_unpaired_questions_are_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        stats.paired_difference([[1]], [[1], [0]])


def test_mean_and_spread_of_seeds():
    assert stats.mean_and_spread([0.6, 0.7, 0.8]) == stats.Spread(pytest.approx(0.7), pytest.approx(0.1), 3)
    assert stats.mean_and_spread([0.6]) == stats.Spread(0.6, None, 1)
