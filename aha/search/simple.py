"""Which questions are worth thinking about: by their look, and by a small classifier that has learnt when thinking helped.

    looks_hard(problem)                                     from the question alone
    model = fit([features(p, d) for p, d in seen], helped)  logistic regression on a few plain features
    model.chance(features(problem, direct))                 how likely it is that thinking helps

What the classifier reads: the question's size, its numbers and operators, and how sure the model was of the answer it
gave at once. It never sees which answer is right, except in the labels it is fitted to. Shapes: Q questions, F features.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from aha.chat import language_counts
from aha.disk import write_whole, writing
from aha.errors import ModelError
from aha.rewards.judge_prompts import question_of
from aha.search.select import length
from aha.search.types import Solved
from aha.types import Problem

FORMAT = "aha-route/1"
FEATURES = ("words", "numbers", "operators", "answered", "likelihood", "weakest", "agreement", "length")
"""What `features` gives, in this order."""
MANY_NUMBERS, MANY_WORDS = 3, 60
"""From so many on a question looks hard."""

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?")
_OPERATOR = re.compile(r"[+*/×÷^=]|(?<=\d)\s*[-−]\s*(?=\d)")
_TASK = re.compile(r"\b(?:prove|derive|solve|show that|why|explain|step)\b|证明|推导|求解|为什么", re.IGNORECASE)


def looks_hard(problem: Problem) -> bool:
    """Whether a question looks as if it took steps: several numbers, a calculation, a demand for reasons, or sheer length."""
    question = question_of(problem)
    numbers = len(_NUMBER.findall(question))
    calculates = numbers > 1 and _OPERATOR.search(question) is not None
    words = sum(language_counts(question))
    return numbers >= MANY_NUMBERS or calculates or words >= MANY_WORDS or _TASK.search(question) is not None


def agreement(direct: Solved) -> float:
    """The share of a problem's replies that give its answer; 0 without one."""
    same = sum(c.answer is not None and c.answer == direct.answer for c in direct.candidates)
    return same / len(direct.candidates) if direct.candidates else 0.0


def features(problem: Problem, direct: Solved) -> list[float]:
    """A question and the answer given to it at once as FEATURES; log-probabilities are in nats, 0 where they are hidden."""
    question = question_of(problem)
    logprobs = [logp for c in direct.candidates for logp in c.reply.logprobs]
    return [
        math.log1p(sum(language_counts(question))),
        math.log1p(len(_NUMBER.findall(question))),
        math.log1p(len(_OPERATOR.findall(question))),
        float(direct.answer is not None),
        fmean(logprobs) if logprobs else 0.0,
        min(logprobs, default=0.0),
        agreement(direct),
        math.log1p(length(direct.chosen.reply)) if direct.chosen else 0.0,
    ]


@dataclass(frozen=True, slots=True)
class Simple:
    """A fitted classifier. Features are centred and scaled by what it was fitted to."""

    bias: float
    weight_F: tuple[float, ...]
    mean_F: tuple[float, ...]
    scale_F: tuple[float, ...]

    def chance(self, feature_F: Sequence[float]) -> float:
        """How likely it is that thinking turns the direct answer from wrong to right."""
        z = self.bias
        for value, weight, mean, scale in zip(feature_F, self.weight_F, self.mean_F, self.scale_F, strict=True):
            z += weight * (value - mean) / scale
        return (1 + math.tanh(z / 2)) / 2

    def save(self, file: Path) -> None:
        """Write it as JSON. Raises RunError where the file cannot be written."""
        told = {"format": FORMAT, "features": FEATURES} | asdict(self)
        with writing(file):
            write_whole(file, (json.dumps(told, indent=1) + "\n").encode())

    @classmethod
    def load(cls, file: Path) -> Simple:
        """Read it. Raises ModelError for a file that holds none, or one of other features."""
        try:
            told = json.loads(Path(file).read_text("utf-8"))
            if told["format"] != FORMAT or tuple(told["features"]) != FEATURES:
                raise ModelError(f"{file} is a classifier of another version: make it again with aha route")
            rows = [tuple(float(value) for value in told[name]) for name in ("weight_F", "mean_F", "scale_F")]
            found = cls(float(told["bias"]), *rows)
        except FileNotFoundError:
            raise ModelError(f"there is no file {file}; aha route writes one: OUT/classifier.json") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{file} holds no classifier of simple questions: {error!r}") from None
        values = [found.bias, *(value for row in rows for value in row)]
        if {len(row) for row in rows} != {len(FEATURES)} or not all(map(math.isfinite, values)) or 0 in found.scale_F:
            raise ModelError(f"{file} holds a damaged classifier: make it again with aha route")
        return found


def fit(feature_QF: Sequence[Sequence[float]], helped_Q: Sequence[float], ridge: float = 1.0) -> Simple:
    """Logistic regression by Newton's method with a penalty of `ridge` / 2 on each squared weight.

    `helped_Q` is 1 where thinking was right and the direct answer was not, 0 elsewhere; shares in between will do. The
    bias has a penalty of its own, a hundredth of it, so that labels that are all alike leave it finite. Raises ValueError
    without questions, or for a label outside [0, 1].
    """
    x_QF, y_Q = np.asarray(feature_QF, dtype=float), np.asarray(helped_Q, dtype=float)
    if not len(y_Q) or x_QF.shape != (len(y_Q), len(FEATURES)) or y_Q.min() < 0 or y_Q.max() > 1:
        raise ValueError(f"{x_QF.shape} features do not fit {len(y_Q)} labels in [0, 1]")
    mean_F, spread_F = x_QF.mean(0), x_QF.std(0)
    scale_F = np.where(spread_F > 1e-9, spread_F, 1.0)
    z_QG = np.column_stack([np.ones(len(y_Q)), (x_QF - mean_F) / scale_F])
    penalty_G = np.full(z_QG.shape[1], ridge)
    penalty_G[0] = ridge / 100
    weight_G = np.zeros(z_QG.shape[1])
    for _ in range(50):
        chance_Q = (1 + np.tanh(z_QG @ weight_G / 2)) / 2
        slope_G = z_QG.T @ (chance_Q - y_Q) + penalty_G * weight_G
        curve_GG = (z_QG * (chance_Q * (1 - chance_Q))[:, None]).T @ z_QG + np.diag(penalty_G)
        step_G = np.linalg.solve(curve_GG, slope_G)
        weight_G = weight_G - np.clip(step_G, -2, 2)  # far from the optimum Newton's steps overshoot
        if np.abs(step_G).max() < 1e-9:
            break
    return Simple(float(weight_G[0]), *(tuple(row.tolist()) for row in (weight_G[1:], mean_F, scale_F)))
