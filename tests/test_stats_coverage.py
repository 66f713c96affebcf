"""Intervals by simulation: in 95 of 100 evaluations the true mean lies inside, also for few questions."""

import numpy as np
import pytest

from aha import stats

ABILITY = {"even": (1, 1), "easy or hopeless": (0.5, 0.5), "mostly hopeless": (0.5, 2), "mostly solved": (9, 1)}
"""How likely each question is to be solved: Beta distributions."""


def covered(bounds, ability, questions, samples, rounds):
    """The share of simulated evaluations whose interval holds the mean of the distribution that questions come from."""
    a, b = ability
    rng = np.random.default_rng(1)
    solved_RQ = rng.binomial(samples, rng.beta(a, b, (rounds, questions))) / samples
    low_R, high_R = bounds(solved_RQ)
    return float(((low_R <= a / (a + b)) & (a / (a + b) <= high_R)).mean())


@pytest.mark.parametrize("ability", ABILITY)
@pytest.mark.parametrize(("questions", "rounds"), [(30, 20_000), (500, 2_000)])
@pytest.mark.parametrize("samples", [4, 64])
def test_95_percent_of_intervals_hold_the_truth(ability, questions, rounds, samples):
    """The simulation's own error is 0.15 points at 20,000 rounds and 0.5 at 2,000."""
    share = covered(stats.score_bounds, ABILITY[ability], questions, samples, rounds)
    assert share == pytest.approx(0.95, abs=0.015)


def test_students_interval_would_miss_at_30_questions():
    """Why there is another: few questions of which most are hopeless have a skewed mean."""

    def student(means_RQ):
        half_R = stats.t_quantile(29) * means_RQ.std(1, ddof=1) / np.sqrt(30)
        return means_RQ.mean(1) - half_R, means_RQ.mean(1) + half_R

    assert covered(student, (0.3, 3), 30, 4, 20_000) < 0.92
    assert covered(stats.score_bounds, (0.3, 3), 30, 4, 20_000) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("questions", [30, 500])
@pytest.mark.parametrize("chance", [0.1, 0.5, 0.8])
def test_one_sample_a_question_is_covered_as_far_as_whole_numbers_allow(questions, chance):
    """Wilson's interval: with 30 trials the possible means are 1/30 apart, so coverage jumps between 93.5 and 98 %."""
    rng = np.random.default_rng(2)
    solved_RQ = (rng.random((2_000, questions)) < chance).astype(float)
    low_R, high_R = stats.score_bounds(solved_RQ)
    assert 0.93 <= ((low_R <= chance) & (chance <= high_R)).mean() <= 0.98


def test_several_samples_of_one_question_are_not_several_questions():
    """The trap: 30 questions x 64 samples taken for 1,920 trials gives an interval that holds the truth half the time."""

    def unclustered(means_RQ):
        mean_R = means_RQ.mean(1)
        half_R = 1.96 * np.sqrt(mean_R * (1 - mean_R) / (30 * 64))
        return mean_R - half_R, mean_R + half_R

    assert covered(unclustered, (1, 1), 30, 64, 4_000) < 0.5


def test_the_interval_of_a_matrix_is_that_of_its_question_means():
    low, high = stats.score_bounds(np.array([0.0, 0.5, 1.0, 0.5]))
    assert stats.question_interval([[0, 0], [1, 0], [1, 1], [0, 1]]) == stats.Interval(0.5, float(low), float(high))


def test_the_effective_number_of_questions_by_hand():
    """Means 0, 1/2, 1, 1/2: variance 1/6, so 1/4 / (1/24) = 6 plain trials; t of 3 degrees is 3.1824."""
    found, expected = stats.question_interval([[0.0], [0.5], [1.0], [0.5]]), stats.wilson(3, 6, stats.t_quantile(3))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("rows", [[[1], [1], [1]], [[0], [1], [1]], [[0, 1], [1, 0]]])
def test_where_the_spread_says_nothing_it_is_wilson_over_questions(rows):
    found, plain = stats.question_interval(rows), stats.wilson(sum(map(np.mean, rows)), len(rows), stats.Z)
    assert (found.mean, found.low, found.high) == pytest.approx((plain.mean, plain.low, plain.high))
