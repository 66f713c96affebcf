"""The paper's claims as experiments: what is measured, which way it should go, and what is said of it.

A claim is one or more differences between two models on the same questions. Each names the region in which its 95 %
interval has to lie; `verdict` is the whole rule. All of it was fixed before anything was measured: `docs/claims.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from aha.stats import Interval

Verdict = Literal["holds", "does not hold", "undecided", "not measured"]
Role = Literal["part", "premise", "beside"]
"""part: the claim says so. premise: without it the claim says nothing. beside: shown, and decides nothing."""
Sitting = Literal["exam", "tries", "shots"]
"""exam: every evaluation of the stage table. tries: three-number Countdown, many replies. shots: the same after solved
examples."""

PUZZLE, REASONING, GENERAL = "countdown, 3 numbers", "reasoning", "general"
SHARES = ("correct", "vote", "pass@n", "mixed_language", "own_language", "readable")
"""Measures between 0 and 1, told in points of a hundred; the others are tokens or words."""

UP, DOWN = (0.0, inf), (-inf, 0.0)
SMALL, LEARNING = 0.05, 0.10
"""Five points: a cost that is small, a difference that does not matter. Ten points: what learning means."""
SMALL_COST, NOT_LIFTED, NOT_LEARNT = (-SMALL, inf), (-inf, SMALL), (-inf, LEARNING)


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure of a model: a column of results by question, on one evaluation or on all reasoning or general ones."""

    model: str
    column: str = "correct"
    exam: str = PUZZLE
    sitting: Sitting = "tries"


@dataclass(frozen=True, slots=True)
class Part:
    """`after` less `before`, question by question, and the region (open at both ends) where it should lie."""

    title: str
    before: Cell
    after: Cell
    region: tuple[float, float]
    paper: str = ""
    role: Role = "part"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, and the differences that decide it: it holds when each of them does."""

    name: str
    sentence: str
    parts: tuple[Part, ...]


def verdict(found: Interval | None, region: tuple[float, float]) -> Verdict:
    """holds: the whole interval lies in the region. does not hold: none of it does. Else, or without one, undecided."""
    low, high = region
    if found is None:
        return "undecided"
    if low < found.low and found.high < high:
        return "holds"
    return "does not hold" if found.high <= low or found.low >= high else "undecided"


def all_of(found: Sequence[tuple[Role, Verdict]]) -> Verdict:
    """A claim's verdict: one part that does not hold is enough, but a premise that fails leaves it undecided."""
    order: tuple[Verdict, ...] = ("does not hold", "not measured", "undecided")
    counted = [
        said if role == "part" or said != "does not hold" else "undecided" for role, said in found if role != "beside"
    ]
    return next((worst for worst in order if worst in counted), "holds")


def change(
    title: str, before: str, after: str, region: tuple[float, float], paper: str = "", *, column: str = "correct",
    exam: str = PUZZLE, sitting: Sitting = "tries", role: Role = "part",
) -> Part:  # fmt: skip
    """The same measure of two models."""
    return Part(title, Cell(before, column, exam, sitting), Cell(after, column, exam, sitting), region, paper, role)


def table(title: str, before: str, after: str, region: tuple[float, float], exam: str, paper: str = "",
          column: str = "correct", role: Role = "part") -> Part:  # fmt: skip
    """The same measure of two models in the stage table."""
    return change(title, before, after, region, paper, column=column, exam=exam, sitting="exam", role=role)


def examples(
    title: str, model: str, shots: int, region: tuple[float, float], paper: str = "", role: Role = "part"
) -> Part:
    """What solved examples before the question change."""
    none, some = (Cell(model, "correct", f"{k} shots", "shots") for k in (0, shots))
    return Part(title, none, some, region, paper, role)


CLAIMS = (
    Claim("pure-rl", "Reinforcement alone lifts accuracy", (
        change("pass@1, base to Zero", "base", "zero", UP, "AIME 2024 15.6 → 71.0"),
        table("pass@1, all reasoning", "base", "zero", UP, REASONING, role="beside"),
    )),
    Claim("voting", "Voting adds to it", (
        Part("Zero, pass@1 to the vote of all its replies", Cell("zero"), Cell("zero", "vote"), UP,
             "AIME 2024 71.0 → 86.7 with 64 votes"),
    )),
    Claim("length", "Replies lengthen by themselves", (
        change("tokens a reply, base to Zero", "base", "zero", UP, "hundreds → thousands of tokens", column="length"),
    )),
    Claim("reflection", "Words of reflection rise above the base's own rate", (
        change("words a reply, base to Zero", "base", "zero", UP, "5 to 7 times as many", column="reflection"),
        change("words in 100 tokens", "base", "zero", UP, column="reflection_rate", role="beside"),
    )),
    Claim("language", "Reinforcement mixes languages; the language reward stops it at a small cost", (
        table("words in the question's language, Dev1 to reinforcement without the reward", "dev1", "dev2-free", DOWN,
              REASONING, "consistency decays", "own_language"),
        table("the same, without the reward to with it", "dev2-free", "dev2", UP, REASONING, "stays flat", "own_language"),
        table("pass@1, without the reward to with it", "dev2-free", "dev2", SMALL_COST, REASONING,
              "mathematics unchanged, code slightly worse"),
        table("replies that mix languages, without to with", "dev2-free", "dev2", DOWN, REASONING, "", "mixed_language",
              role="beside"),
    )),
    Claim("cold-start", "A cold start makes replies readable and costs accuracy", (
        table("readable, Zero to Dev1", "zero", "dev1", UP, REASONING, "IF-Eval 46.6 → 71.7", "readable"),
        table("pass@1, Zero to Dev1", "zero", "dev1", DOWN, REASONING, "AIME 2024 77.9 → 59.0"),
    )),
    Claim("general", "R1 is better than Zero on general prompts", (
        table("right, Zero to R1", "zero", "r1", UP, GENERAL, "AlpacaEval 2 24.7 → 87.6"),
    )),
    Claim("distillation", "A small student gains more from distillation than from reinforcement", (
        change("pass@1, student by reinforcement to distilled", "student-rl", "distilled", UP, "AIME 2024 47.0 → 72.6"),
        table("pass@1, all reasoning", "student-rl", "distilled", UP, REASONING, role="beside"),
    )),
    Claim("both", "A small student gains most from distillation and then reinforcement", (
        change("pass@1, distilled to both", "distilled", "distilled-rl", UP, "not shown: “significant further gains”"),
        change("pass@1, reinforcement alone to both", "student-rl", "distilled-rl", UP, "not measured"),
        table("pass@1 on all reasoning, distilled to both", "distilled", "distilled-rl", UP, REASONING, role="beside"),
    )),
    Claim("pure-sft", "Fine-tuning alone on the large base does not reach R1", (
        table("pass@1, Dev3 to R1", "dev3", "r1", UP, REASONING, "AIME 2024 78.1 → 79.8"),
        table("general prompts, Dev3 to R1", "dev3", "r1", UP, GENERAL, "AlpacaEval 2 62.1 → 87.6"),
    )),
    Claim("weak-base", "A base without the behaviours does not learn by reinforcement", (
        change("pass@1, a base that guesses, before to after", "guesser", "guesser-rl", NOT_LEARNT,
               "TinyZero: 0.5 B guesses and stays there"),
        change("pass@1, the same reinforcement on the base", "base", "zero", UP, role="premise"),
        change("the same on the student", "student", "student-rl", UP, role="beside"),
    )),
    Claim("curated", "A small curated set suffices", (
        table("pass@1, all data to the curated part", "dev3", "curated", SMALL_COST, REASONING,
              "LIMO: 63.3 on AIME 2024 with 800 examples"),
        table("pass@1, base to all data", "base", "dev3", UP, REASONING, role="premise"),
        table("readable", "dev3", "curated", SMALL_COST, REASONING, "", "readable", role="beside"),
    )),
    Claim("journey", "Learning from the whole search beats learning from its solution", (
        change("pass@1, shortcut to journey", "shortcut", "journey", UP, "O1 Journey: MATH +8"),
    )),
    Claim("few-shot", "Solved examples in the prompt hurt R1 and help the base", (
        examples("R1, none to three", "r1", 3, DOWN, "“consistently degrades”"),
        examples("base, none to three", "base", 3, UP, "not measured"),
        examples("R1, none to one", "r1", 1, DOWN, role="beside"),
        examples("base, none to one", "base", 1, UP, role="beside"),
    )),
    Claim("sharpening", "Reinforcement lifts the first try, not the reach; distillation lifts both", (
        change("pass@1, base to Zero", "base", "zero", UP, "higher (arXiv 2504.13837)"),
        change("pass@n, base to Zero", "base", "zero", NOT_LIFTED, "at k = 128 the base solves 9 % more", column="pass@n"),
        change("pass@1, student to distilled", "student", "distilled", UP, "higher"),
        change("pass@n, student to distilled", "student", "distilled", UP, "higher", column="pass@n"),
        change("pass@n, student to reinforcement", "student", "student-rl", NOT_LIFTED, column="pass@n", role="beside"),
    )),
)  # fmt: skip
