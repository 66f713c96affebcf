"""What lenient grading takes off an answer before it is read: emphasis, introductions, names, words behind a number."""

from __future__ import annotations

import re
from collections.abc import Callable

from aha.rewards.mathematics.text import letters
from aha.rewards.mathematics.units import read_unit


def undressed(text: str, named: bool = False) -> str:
    """The bare answer of "So the total is **5 apples**." Names such as "x =" stay if the gold answer is `named`."""
    for pattern, replacement in _DRESSES:
        if not (named and pattern is _NAME):
            text = re.sub(pattern, replacement, text.strip(), flags=re.IGNORECASE | re.DOTALL)
    word = letters(text)
    return str(_COUNTS[word]) if word in _COUNTS else text


def _unless_it_counts(match: re.Match[str]) -> str:
    """Words behind a number go, unless they change what it says: units of measurement, "or", "million"."""
    unit = read_unit(match[1])
    return "" if unit is not None and unit.factor is None else match[0]


_NAME = r"^[^=]*[A-Za-z}][^=<>]*=\s*(?=[^=]+$)"
_DRESSES: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"[*_`]{2,}|`", ""),
    (r"^.*(?:answer|result)\s*(?:is|are|:|=)\s*", ""),
    (r"^\s*(?:\\approx|≈|=|~|:|(?:about|approximately|roughly|exactly|only|so|thus|therefore|hence|is)\b)\s*", ""),
    (r"^\\text\s*\{(?!\s*(?:not|no|minus|negative|over|under|more|less|at)\b)[^{}\d]*\}\s*(?=\S)", ""),
    (_NAME, ""),
    (r"^\(?([A-J])\)?[.):]\s.*$", r"\1"),
    (r"(?<=[\d)}])\s*((?:[A-Za-z]{2,}\.?(?:\s+|$)){1,5})$", _unless_it_counts),
]
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty"
)
_COUNTS = {word: count for count, word in enumerate(_NUMBER_WORDS.split())}
