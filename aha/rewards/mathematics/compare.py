"""Whether an answer is the reference answer, part by part.

`differ` says why it is not, or "" when it is. It decides what has exact values by itself and hands pairs of single
expressions that have none to `Rules.symbolic`. Strict rules are for rewards: one answer, nothing around it, and
worked out as far as the reference is. Lenient rules are for evaluation and forgive the way an answer is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from aha.rewards.mathematics.answer import Answer, read, with_unit
from aha.rewards.mathematics.exact import FUNCTIONS, Reading
from aha.rewards.mathematics.ring import Exact, number
from aha.rewards.mathematics.text import letters

WRONG, SEVERAL, UNIT = "wrong value", "several answers", "wrong unit"
UNEQUAL = "not shown equal"
FORM, PROSE, UNDONE = "wrong form", "not an answer", "not evaluated"
DECIDED = (WRONG, SEVERAL, UNIT)
"""Reasons that no other spelling of the same answer would change."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How to compare. `symbolic(gold, answer)` says whether two expressions without exact values are equal."""

    symbolic: Callable[[str, str], bool]
    lenient: bool = False


def same(golds: Sequence[Answer], answers: Sequence[Answer], rules: Rules) -> str:
    """`differ` over every way to read both; "" if any two readings are the same."""
    reasons = []
    for gold, answer in product(golds, answers):
        reason = differ(gold, answer, rules)
        if not reason:
            return ""
        reasons.append(reason)
    return reasons[0]


def differ(gold: Answer, answer: Answer, rules: Rules) -> str:
    """Why the answer is not the gold one; "" when it is."""
    if _bare(gold.text) == _bare(answer.text):
        return ""
    if rules.lenient and re.fullmatch("[A-J]", gold.text) and gold.text == answer.text.upper():
        return ""
    if "relation" in (gold.kind, answer.kind):
        return _relations(gold, answer, rules)
    if "words" in (gold.kind, answer.kind):
        return _words(gold, answer, rules)
    if gold.kind != answer.kind or gold.shape != answer.shape:
        return _forms(gold, answer, rules)
    if gold.kind == "number":
        return _numbers(gold, answer, rules)
    if gold.kind in ("list", "union"):
        return _unordered(gold.items, answer.items, rules)
    if gold.kind == "numeral":
        return "" if gold.shape == answer.shape else WRONG
    return _ordered(gold.items, answer.items, rules)


def _bare(text: str) -> str:
    """Without the spaces that mean nothing; between two digits one does."""
    return re.sub(r"(?<!\d) +| +(?!\d)", "", text)


def _unordered(golds: Sequence[Answer], answers: Sequence[Answer], rules: Rules) -> str:
    if len(golds) != len(answers):
        return SEVERAL if len(answers) > len(golds) else WRONG
    left = list(answers)
    for gold in golds:
        found = next((at for at, answer in enumerate(left) if not differ(gold, answer, rules)), None)
        if found is None:
            return differ(gold, left[0], rules)
        del left[found]
    return ""


def _ordered(golds: Sequence[Answer], answers: Sequence[Answer], rules: Rules) -> str:
    if len(golds) != len(answers):
        return WRONG
    return next((reason for pair in zip(golds, answers, strict=True) if (reason := differ(*pair, rules))), "")


def _forms(gold: Answer, answer: Answer, rules: Rules) -> str:
    """Two kinds of thing. One element is its set; the rest is forgiven to evaluations only."""
    for one, other, swapped in ((gold, answer, False), (answer, gold, True)):
        if one.kind == "list" and len(one.items) == 1:
            return differ(other, one.items[0], rules) if swapped else differ(one.items[0], other, rules)
    if gold.kind == "matrix" and "\\begin" in answer.body:  # a number times a matrix
        return "" if rules.symbolic(gold.text, answer.body) else UNEQUAL
    if answer.kind == "list" and gold.kind not in ("list", "bracket"):
        return SEVERAL
    if rules.lenient:
        if gold.kind == "numeral" and re.sub(r"_\d+$", "", gold.shape) == answer.text.lstrip("0"):
            return ""
        if gold.kind != answer.kind and gold.items and _is_sequence(gold) and _is_sequence(answer):
            return _ordered(gold.items, answer.items, rules)
    return WRONG if gold.kind == answer.kind else FORM


def _is_sequence(answer: Answer) -> bool:
    vector = answer.kind == "matrix" and answer.shape[0] != "d" and "1" in answer.shape.split("x")
    return vector or answer.kind == "list" or (answer.kind == "bracket" and answer.shape == "()")


def _words(gold: Answer, answer: Answer, rules: Rules) -> str:
    expected, given = letters(gold.text), letters(answer.text)
    if rules.lenient:
        expected, given = expected.casefold(), given.casefold()
    if expected and expected == given:
        return ""
    return WRONG if gold.kind == "words" else PROSE


def _numbers(gold: Answer, answer: Answer, rules: Rules) -> str:
    if (gold.unit is not None and gold.unit.factor is not None) or (rules.lenient and gold.rational() is not None):
        answer = with_unit(answer)
    factors, reason = _scales(gold, answer, rules)
    if reason:
        return reason
    if gold.reading is not None and answer.reading is not None:
        return _values(gold, answer, gold.reading, answer.reading, factors, rules)
    if _is_prose(answer.body, gold.body):
        return PROSE
    if gold.reading is not None and gold.reading.value.constant() and not rules.lenient:
        return UNDONE
    if Fraction(1) not in factors:
        return FORM
    return "" if rules.symbolic(gold.body, answer.body) else UNEQUAL


def _values(gold: Answer, answer: Answer, a: Reading, b: Reading, factors: Sequence[Fraction], rules: Rules) -> str:
    if any(a.value == b.value * number(factor) for factor in factors):
        return UNDONE if not rules.lenient and _is_undone(a, b) else ""
    if rules.lenient and any(re.search(r"\.0*[1-9]\d{4}", side.body) for side in (gold, answer)):
        return "" if rules.symbolic(gold.body, answer.body) else UNEQUAL  # a rounded decimal for 1/3 or pi
    return WRONG


def _is_undone(gold: Reading, answer: Reading) -> bool:
    """A number has to be worked out as far as the gold one. Polynomials may be in any form."""
    if gold.value.rational() is not None:
        return answer.operations > gold.operations
    return gold.value.constant() and answer.operations > gold.operations + 1


def _scales(gold: Answer, answer: Answer, rules: Rules) -> tuple[list[Fraction], str]:
    """By what the answer may be multiplied to be the gold number, from units and percent signs; or why by nothing."""
    if gold.percent or answer.percent:
        if gold.unit or answer.unit:
            return [], UNIT
        if gold.percent and answer.percent:
            return [Fraction(1)], ""
        if gold.percent:  # the question asked for percent, so both 44 and 0.44 say 44 %
            return [Fraction(1), Fraction(100)], ""
        value = gold.rational()
        whole = value is not None and value.denominator == 1
        return [Fraction(1, 100), *([Fraction(1)] if rules.lenient and whole else [])], ""
    if answer.unit is None or answer.unit == gold.unit:
        return [Fraction(1)], ""
    if gold.unit is None:
        return ([Fraction(1)], "") if rules.lenient or answer.unit.factor is not None else ([], PROSE)
    if gold.unit.factor is None or answer.unit.factor is None:
        return ([Fraction(1)], "") if rules.lenient and answer.unit.factor is None else ([], UNIT)
    if gold.unit.powers != answer.unit.powers:
        return [], UNIT
    return [answer.unit.factor / gold.unit.factor], ""


_RUN = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}")


def _is_prose(answer: str, gold: str) -> bool:
    """Whether a text holds words that the gold answer does not hold."""
    words = {word for word in _RUN.findall(answer) if word not in FUNCTIONS}
    return not words <= set(_RUN.findall(gold)) or ("\\text" in answer and "\\text" not in gold)


def _relations(gold: Answer, answer: Answer, rules: Rules) -> str:
    if answer.kind != "relation":
        solved = gold.items[-1] if gold.name else _interval(gold)
        return differ(solved, answer, rules) if solved else FORM
    if gold.kind != "relation":  # an interval asked for is not given by an inequality that may be the question's own
        if answer.name and (len(answer.items) == 2 or rules.lenient):
            return differ(gold, answer.items[-1], rules)
        solved = _interval(answer) if rules.lenient else None
        return differ(gold, solved, rules) if solved else FORM
    if gold.name and answer.name and len(gold.items) == len(answer.items) == 2:
        if gold.name == answer.name:
            return differ(gold.items[-1], answer.items[-1], rules)
        if _is_solved(gold):
            return WRONG
    if gold.name and _is_solved(gold):
        return UNDONE
    return _equations(gold, answer, rules)


def _interval(answer: Answer) -> Answer | None:
    """The interval that an inequality solved for a letter describes."""
    sides, signs = list(answer.items), answer.shape.split()
    if signs[0][0] == ">":
        sides, signs = sides[::-1], [_OPPOSITE.get(sign, sign) for sign in signs[::-1]]
    at = next((at for at, side in enumerate(sides) if re.fullmatch("[A-Za-z]", side.body)), -1)
    if not {"<", "<="} >= set(signs) or at < 0 or len(sides) not in (2, 3) or (len(sides) == 3 and at != 1):
        return None
    low, high = sides[0] if at else read("-∞"), sides[-1] if at < len(sides) - 1 else read("∞")
    opening = "[" if at and signs[0] == "<=" else "("
    closing = "]" if at < len(sides) - 1 and signs[-1] == "<=" else ")"
    return Answer("bracket", f"{opening}{low.text}, {high.text}{closing}", (low, high), opening + closing)


def _is_solved(gold: Answer) -> bool:
    value = gold.items[-1].reading
    return value is None or value.value.constant()


def _equations(gold: Answer, answer: Answer, rules: Rules) -> str:
    """Equations and inequalities are the same when every two sides differ by multiples of each other."""
    left, right = _differences(gold), _differences(answer)
    if left is None or right is None:
        return _sides(gold, answer, rules)
    if len(left) != len(right):
        return WRONG
    for (sign_a, a), (sign_b, b) in zip(left, right, strict=True):
        factor = a.multiple(b)
        if sign_a != sign_b or factor is None or (factor < 0 and sign_a in ("<", "<=")):
            return WRONG
    return ""


def _sides(gold: Answer, answer: Answer, rules: Rules) -> str:
    """Relations between expressions without exact values: the same sides in the same or the opposite order."""
    golds, answers = list(gold.items), list(answer.items)
    signs = answer.shape
    if gold.shape != signs:
        signs = " ".join(_OPPOSITE.get(sign, sign) for sign in reversed(signs.split()))
        answers.reverse()
    if gold.shape == signs and not _ordered(golds, answers, rules):
        return ""
    return "" if rules.symbolic(gold.text, answer.text) else UNEQUAL


_OPPOSITE = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _differences(answer: Answer) -> list[tuple[str, Exact]] | None:
    """Each relation as a sign and left minus right, all turned to < and <=, smallest sides first."""
    signs = answer.shape.split()
    found = []
    for sign, left, right in zip(signs, answer.items, answer.items[1:], strict=False):
        if left.reading is None or right.reading is None or sign == "\\in":
            return None
        if sign in (">", ">="):
            found.append(("<" + sign[1:], right.reading.value - left.reading.value))
        else:
            found.append((sign, left.reading.value - right.reading.value))
    return found[::-1] if signs and signs[0][0] == ">" else found
