"""Any n <= N read off one run of N replies a question: what a choice among n of them earns and takes on average.

Everything is an expectation over the subsets of n. What is counted (tokens, the longest reply, what a scorer reads) is
exact; credits are exact for n = 1 and n = N, and in between over at most 200 subsets. N replies a question, Q questions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aha.evaluation.answers import Answers, Bill
from aha.search.select import Choose, length, majority, mean_credit
from aha.search.types import Candidate, Cost
from aha.stats import cons_at_k, pass_at_k


@dataclass(frozen=True, slots=True)
class Drawn:
    """The replies to every question, their grades, and what drawing and scoring them took."""

    candidates_QN: Sequence[Sequence[Candidate]]
    grades_QN: Sequence[Sequence[float | None]]
    drawing_Q: Sequence[Cost]
    scoring_Q: Sequence[Cost] = ()
    """Empty where the choice needs no scores."""

    @property
    def N(self) -> int:
        """Replies a question."""
        return len(self.candidates_QN[0])


def read_off(drawn: Drawn, method: str, n: int, strategy: str, choose: Choose) -> Answers:
    """`choose` among n replies. A plain vote shares ties (`aha.stats.cons_at_k`); other rules break them as they say.

    Raises ValueError for an n that is not within 1 to N.
    """
    rows = list(zip(drawn.candidates_QN, drawn.grades_QN, strict=True))
    credit_Q = [_credit(found, grades, n, choose) for found, grades in rows]
    nobody = [[c.answer is None for c in found] for found, _ in rows]
    cut = [[c.reply.finish == "length" for c in found] for found, _ in rows]
    return Answers(
        method, n, strategy, credit_Q, [_all_of(row, n) for row in nobody], [_all_of(row, n) for row in cut],
        _bill(drawn, n),
    )  # fmt: skip


def _credit(found: Sequence[Candidate], grades: Sequence[float | None], n: int, choose: Choose) -> float | None:
    known = [grade for grade in grades if grade is not None]
    if len(known) < len(grades):
        return None
    if choose is majority or n == 1:
        return cons_at_k([[c.answer for c in found]], [known], n)[0]
    return mean_credit(found, known, n, choose)


def _all_of(row: Sequence[bool], n: int) -> float:
    """The chance that n of a row's values are all true."""
    return 1.0 - pass_at_k(len(row), len(row) - sum(row), n)


def _bill(drawn: Drawn, n: int) -> Bill:
    found = list(
        zip(drawn.candidates_QN, drawn.drawing_Q, drawn.scoring_Q or [Cost()] * len(drawn.drawing_Q), strict=True)
    )
    parts = [_share(candidates, drawing, scoring, n) for candidates, drawing, scoring in found]
    return {name: [part[name] for part in parts] for name in parts[0]}


def _share(candidates: Sequence[Candidate], drawing: Cost, scoring: Cost, n: int) -> dict[str, float]:
    """What n of a question's replies take: the prompt once, and of the rest their expected share."""
    N = len(candidates)
    tokens, read = drawing.tokens * n / N, scoring.scorer_tokens * _read_share(candidates, n)
    drawn = (drawing.prompt_tokens + tokens) / max(1, drawing.prompt_tokens + drawing.tokens)
    scored = read / scoring.scorer_tokens if scoring.scorer_tokens else n / N
    return {
        "prompt_tokens": float(drawing.prompt_tokens), "tokens": tokens, "scorer_tokens": read,
        "passes": expected_longest([len(c.reply.token_ids) for c in candidates], n),
        "flops": drawing.flops * drawn + scoring.flops * scored,
        "seconds": drawing.seconds * drawn + scoring.seconds * scored,
    }  # fmt: skip


def expected_longest(lengths: Sequence[int], n: int) -> float:
    """The longest of n of these, on average over subsets: the i-th shortest is it in C(i - 1, n - 1) of C(N, n)."""
    N = len(lengths)
    return sum(x * math.comb(i, n - 1) for i, x in enumerate(sorted(lengths))) / math.comb(N, n)


def _read_share(candidates: Sequence[Candidate], n: int) -> float:
    """The share of what a scorer reads of all replies that it reads of n. Equal texts are read once; the unanswered never."""
    copies: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for c in candidates:
        if c.answer is not None:
            copies[c.reply.text] = copies.get(c.reply.text, 0) + 1
            sizes[c.reply.text] = len(c.reply.prompt_ids) + length(c.reply)
    if not sizes:
        return n / len(candidates)
    wanted = (size * pass_at_k(len(candidates), copies[text], n) for text, size in sizes.items())
    return math.fsum(wanted) / sum(sizes.values())
