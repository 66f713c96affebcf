"""A rating as Codeforces gives them, from problems with known difficulty, and the share of people it beats.

    rated([(1500, 0.75), (1900, 0.25), ...])  ->  Rating(rating=1702, low=1610, high=1800, percentile=88.9)

Someone of rating r solves a problem of difficulty d with chance 1 / (1 + 10^((d - r) / 400)), Elo's formula, by which
Codeforces rates problems too. The rating is the one at which as many solved problems are expected as were solved. The choice of
contests and the order of submissions move such ratings by hundreds of points (arXiv 2602.05891), and there is no
penalty for time or failed tries here: compare models on the same problems, and people only roughly.
"""

from __future__ import annotations

import json
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from aha.evaluation.rating_table import LEAST, SHARES, STEP

LOWEST, HIGHEST = -1000.0, 5000.0
"""Ratings are looked for between these; where all or no problems are solved, one of them is the answer."""
POINTS = 400.0


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating with its 95 % interval over problems, and the percentage of rated people below it."""

    rating: float
    low: float
    high: float
    percentile: float


def rating_of(difficulty_Q: Sequence[float], solved_Q: Sequence[float]) -> float:
    """The rating at which the expected number of solved problems is the actual one, by bisection.

    `solved` is 1 or 0, or the share of tries that passed.
    """
    return float(_ratings(np.array([difficulty_Q], float), np.array([solved_Q], float))[0])


def _ratings(difficulty_RQ: np.ndarray, solved_RQ: np.ndarray) -> np.ndarray:
    low_R = np.full(len(solved_RQ), LOWEST)
    high_R = np.full(len(solved_RQ), HIGHEST)
    for _ in range(40):
        middle_R = (low_R + high_R) / 2
        expected_R = (1 / (1 + 10 ** ((difficulty_RQ - middle_R[:, None]) / POINTS))).sum(1)
        too_low_R = expected_R < solved_RQ.sum(1)
        low_R, high_R = np.where(too_low_R, middle_R, low_R), np.where(too_low_R, high_R, middle_R)
    return (low_R + high_R) / 2


def rated(problems: Sequence[tuple[float, float]], seed: int = 0, repeats: int = 1000) -> Rating:
    """The rating of (difficulty, solved) pairs; the interval redraws the problems. Raises ValueError for none."""
    if not problems:
        raise ValueError("there must be a problem")
    pairs_QN = np.array(problems, float)
    drawn_RQ = np.random.default_rng(seed).integers(len(problems), size=(repeats, len(problems)))
    redrawn_R = _ratings(pairs_QN[drawn_RQ, 0], pairs_QN[drawn_RQ, 1])
    low, high = np.quantile(redrawn_R, [0.025, 0.975])
    rating = rating_of(pairs_QN[:, 0].tolist(), pairs_QN[:, 1].tolist())
    return Rating(rating, float(low), float(high), percentile(rating))


def percentile(rating: float) -> float:
    """The percentage of rated Codeforces users of 2024 below a rating, between the table's rows by straight lines."""
    return float(np.interp(rating, [LEAST + STEP * i for i in range(len(SHARES))], SHARES))


def table(file: Path) -> str:
    """`rating_table.py` made from a file of {rating: users}, such as ratings_2024.json of agentica-project/rllm (MIT)."""
    counts = sorted((int(rating), int(users)) for rating, users in json.loads(file.read_text()).items())
    ratings, below = [rating for rating, _ in counts], [0, *accumulate(users for _, users in counts)]
    least, last = ratings[0] // STEP * STEP, ratings[-1] // STEP * STEP + STEP
    shares = [round(100 * below[bisect_right(ratings, at - 1)] / below[-1], 3) for at in range(least, last + 1, STEP)]
    lines = [", ".join(f"{share:g}" for share in shares[i : i + 12]) for i in range(0, len(shares), 12)]
    return (
        '"""How many of 100 rated Codeforces users of 2024 are below a rating. Made by `python -m aha.evaluation.rating FILE`\n'
        'from scripts/deepcoder/benchmark/codeforces/ratings_2024.json of github.com/agentica-project/rllm (MIT)."""\n\n'
        f"USERS = {below[-1]}\nLEAST, STEP = {least}, {STEP}\n"
        '"""The rating of the first share, and the distance to the next."""\n'
        "SHARES = (\n" + "".join(f"    {line},\n" for line in lines) + ")  # fmt: skip\n"
    )


if __name__ == "__main__":
    print(table(Path(sys.argv[1])), end="")
