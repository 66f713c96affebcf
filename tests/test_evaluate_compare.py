"""Comparisons against values worked out by hand and by enumeration, ratings against the published percentile."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from aha.errors import RunError
from aha.evaluation.compare import against, over_seeds, read
from aha.evaluation.paired import mcnemar, paired_bootstrap
from aha.evaluation.rating import percentile, rated, rating_of, table

RATINGS = (
    Path(os.environ.get("AHA_DATA") or Path(__file__).parents[2] / "shared" / "data")
    / "codeforces_ratings"
    / "ratings_2024.json"
)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1), (1, 1, 1), (0, 5, Fraction(2, 32)), (7, 1, Fraction(18, 256)), (3, 10, Fraction(2 * 378, 8192))],
)
def test_mcnemar_by_hand(only_a, only_b, p):
    """2 x the chance of so uneven a split or a worse one: of 13, at most 3 are 1 + 13 + 78 + 286 = 378 of 8,192."""
    both = [(True, True), (False, False)] * 4
    pairs = [*both, *[(True, False)] * only_a, *[(False, True)] * only_b]
    found = mcnemar(*zip(*pairs, strict=True))
    assert (found.only_a, found.only_b, found.p) == (only_a, only_b, pytest.approx(float(p)))


def test_the_paired_bootstrap_agrees_with_every_way_to_redraw_four_questions():
    a, b = [[1], [1], [0], [1]], [[0], [1], [0], [0]]
    moved = [1, 0, 0, 1]
    means = [fmean(draw) for draw in product(moved, repeat=4)]
    found = paired_bootstrap(a, b, repeats=40_000)
    assert found.interval.mean == 0.5
    assert (found.interval.low, found.interval.high) == tuple(np.quantile(means, [0.025, 0.975]))
    assert found.p == pytest.approx(2 * fmean(mean <= 0 for mean in means), abs=0.01)


def test_the_paired_bootstrap_repeats_and_turns_with_its_sides():
    rng = np.random.default_rng(0)
    a, b = rng.random((60, 4)).round().tolist(), rng.random((60, 4)).round().tolist()
    forth, back = paired_bootstrap(a, b), paired_bootstrap(b, a)
    assert forth == paired_bootstrap(a, b) and forth.interval.mean == -back.interval.mean
    assert forth.interval.low == pytest.approx(-back.interval.high, abs=0.01) and paired_bootstrap(a, a).p == 1


def test_no_difference_is_found_in_five_of_a_hundred_comparisons_of_equals():
    """200 comparisons at the 5 % level: between 2 and 21 are false with odds of 99.9 %."""
    rng = np.random.default_rng(1)
    found = [
        paired_bootstrap(*rng.binomial(4, rng.beta(1, 1, 100)[:, None], (2, 100, 1)) / 4, repeats=500).p < 0.05
        for _ in range(200)
    ]
    assert 2 <= sum(found) <= 21


def record(**changes):
    questions = {"id": ["a", "b", "c"], "correct": [1.0, 0.5, 0.0], "vote": [1.0, 0.5, 0.0], "length": [1, 1, 1]}
    return {"format": "aha-eval/1", "preset": "toy", "revision": "r", "extractor": "e", "samples": 2, "temperature": 0.6, "top_p": 1.0,
            "max_tokens": 8, "model": "m", "digest": "d", "pass@1": 0.5, "by_question": questions} | changes  # fmt: skip


def test_two_models_are_paired_by_question_in_whatever_order():
    better = {"id": ["c", "a", "d"], "correct": [1.0, 1.0, 1.0], "vote": [1.0, 1.0, 1.0], "length": [1, 1, 1]}
    found = against(record(), record(model="n", by_question=better))
    assert (found["a_pass@1"], found["b_pass@1"], found["questions"], found["unpaired"]) == (0.5, 1.0, 2, 2)
    assert found["difference"]["mean"] == found["bootstrap"]["interval"]["mean"] == 0.5
    assert found["mcnemar"] == {"only_b": 1, "only_a": 0, "p": 1.0}


@pytest.mark.parametrize(
    "change", [{"revision": "s"}, {"samples": 4}, {"extractor": "f"}, {"max_tokens": 9}, {"preset": "r1/toy"}]
)
def test_what_was_not_measured_alike_is_not_compared(change):
    with pytest.raises(RunError, match=f"differ in their {next(iter(change))}"):
        against(record(), record(**change))


def test_seeds_have_an_interval_over_runs():
    """0.4, 0.5, 0.6: standard error 0.1 / sqrt 3, t of two degrees 4.3027."""
    runs = [record(digest=str(score), **{"pass@1": score}) for score in (0.4, 0.5, 0.6)]
    found = over_seeds(runs)
    half = 4.3027 * 0.1 / 3**0.5
    assert (found["mean"], found["sd"], found["runs"]) == (pytest.approx(0.5), pytest.approx(0.1), 3)
    assert (found["interval"]["low"], found["interval"]["high"]) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-4)
    assert over_seeds(runs[:1])["interval"] is None
    with pytest.raises(RunError, match="the same weights"):
        over_seeds([runs[0], runs[0]])


def test_a_folder_without_results_says_how_to_make_them(tmp_path):
    with pytest.raises(RunError, match="aha eval --regrade"):
        read(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(RunError, match="aha-eval/1"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("difficulty", "solved", "rating"),
    [
        ([1500], [0.5], 1500),
        ([1500, 1500], [1, 0], 1500),
        ([1200], [10 / 11], 1600),
        ([1600], [1 / 11], 1200),
        ([1400, 1800], [0.75, 0.25], 1600),
    ],
)
def test_a_rating_is_where_as_many_solves_are_expected_as_there_were(difficulty, solved, rating):
    """By Elo's formula 400 points are odds of ten to one; problems on both sides of it pull equally."""
    assert rating_of(difficulty, solved) == pytest.approx(rating, abs=0.01)


def test_a_simulated_contestant_gets_the_rating_back():
    """600 problems: the standard error of the rating is about 20 points."""
    rng = np.random.default_rng(0)
    difficulty = rng.uniform(800, 2600, 600)
    solved = rng.random(600) < 1 / (1 + 10 ** ((difficulty - 1700) / 400))
    found = rated(list(zip(difficulty, solved.astype(float), strict=True)))
    assert (
        found.low < 1700 < found.high and found.rating == pytest.approx(1700, abs=70) and found.high - found.low < 120
    )


def test_all_or_nothing_solved_ends_at_the_limits():
    assert rating_of([1500], [1]) == pytest.approx(5000) and rating_of([1500], [0]) == pytest.approx(-1000)
    with pytest.raises(ValueError, match="a problem"):
        rated([])


def test_the_papers_rating_beats_96_of_100():
    """DeepSeek-R1, table 4: rating 2,029, percentile 96.3."""
    assert 96 < percentile(2029) < 97
    assert percentile(-500) == 0 and percentile(9000) == 100 and percentile(1000) < percentile(1001)


@pytest.mark.skipif(
    not RATINGS.is_file(), reason="no table of ratings here: point AHA_DATA to a folder with codeforces_ratings"
)
def test_the_shipped_table_is_what_its_command_makes():
    import aha.evaluation.rating_table as shipped

    assert table(RATINGS) == Path(shipped.__file__).read_text()
    counts = {int(rating): users for rating, users in json.loads(RATINGS.read_text()).items()}
    for rating in range(200, 3400, 37):
        exact = 100 * sum(users for at, users in counts.items() if at < rating) / sum(counts.values())
        assert percentile(rating) == pytest.approx(exact, abs=0.1)
