"""How good step scores and sampled labels are: first errors, AUC, calibration, agreement, all against hand-made cases."""

from __future__ import annotations

import pytest

from aha.errors import DataError
from aha.tasks.process_labels import LabelledSteps
from aha.train.process_measures import agree, agreement, auc, compare, measure


def test_auc_counts_pairs_and_ties_as_a_half():
    assert auc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0]) == pytest.approx(3.5 / 4)
    assert auc([0.1, 0.9], [1, 0]) == 0.0 and auc([0.5, 0.5], [1, 1]) is None


def rows_of(*labels):
    return [LabelledSteps(f"p{i}", tuple("a\n" for _ in own), own) for i, own in enumerate(labels)]


def test_the_first_error_is_named_or_not_and_unlabelled_steps_do_not_count():
    rows = rows_of((1.0, 0.0, 0.0), (1.0, None, 0.0), (1.0, 1.0), (1.0, 1.0))
    scores = [[0.9, 0.2, 0.9], [0.4, 0.1, 0.2], [0.9, 0.9], [0.9, 0.4]]
    found = compare(rows, scores)
    assert (found.first_error.mean, found.none_wrong.mean, found.f1) == (0.5, 0.5, 0.5)
    assert found.steps == 9 and found.replies == 4


def test_calibration_by_hand():
    """Two bins: 0.15 on average with a quarter right, 0.9 with all right."""
    found = compare(rows_of((0.0, 0.0, 0.0, 1.0), (1.0, 1.0)), [[0.15] * 4, [0.9] * 2])
    assert found.bins == ((pytest.approx(0.15), 0.25, 4), (pytest.approx(0.9), 1.0, 2))
    assert found.calibration == pytest.approx((4 * 0.1 + 2 * 0.1) / 6)
    assert found.brier == pytest.approx((3 * 0.15**2 + 0.85**2 + 2 * 0.1**2) / 6)


def test_a_perfect_scorer_measures_as_perfect_and_a_blind_one_as_blind():
    rows = rows_of((1.0, 0.0), (1.0, 1.0), (0.0, 0.0))
    perfect = compare(rows, [row.labels for row in rows])
    blind = compare(rows, [[0.7] * 2] * 3)
    assert (perfect.auc.mean, perfect.f1, perfect.calibration) == (1.0, 1.0, 0.0)
    assert (blind.auc.mean, blind.first_error.mean, blind.f1) == (0.5, 0.0, 0.0)


def test_scores_that_do_not_fit_their_steps_are_refused():
    with pytest.raises(DataError, match="row 0: 1 scores, 2 steps and 2 labels"):
        compare(rows_of((1.0, 0.0)), [[0.5]])
    with pytest.raises(DataError, match="no step has a label"):
        measure(lambda prompts, replies: ([[0.5]], [1]), rows_of((None,)))


def test_sampled_labels_are_held_against_exact_ones():
    found = agree([("p", 0.5, 1.0), ("p", 0.0, 1.0), ("q", 0.25, 0.0), ("q", 0.0, 0.0)])
    assert (found.agree.mean, found.wrong_called_right, found.right_called_wrong) == (0.5, 0.5, 0.5)
    assert found.auc.mean == pytest.approx(2.5 / 4)
    rows = rows_of((0.5, None), (0.0, 1.0))
    assert agreement(rows, rows_of((1.0, 1.0), (0.0, None))).steps == 2
    with pytest.raises(DataError, match="row 0 is not of the same reply"):
        agreement(rows, rows_of((1.0,), (0.0, None)))
