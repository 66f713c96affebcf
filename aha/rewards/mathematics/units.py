"""Units of measurement: what is written after a number, and by how much two of them differ.

    read_unit("square inches")  ->  Unit(factor=127/5000 squared, powers=(("length", 2),))

Words outside the table are kept as words ("students"): they have no factor and equal only themselves. Left out:
temperatures, which do not start at zero, and radians, which are plain numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

_TABLE = """
length 1/1000 mm millimeter millimetre
length 1/100 cm centimeter centimetre
length 1/10 dm decimeter decimetre
length 1 m meter metre
length 1000 km kilometer kilometre
length 127/5000 in inch inche
length 381/1250 ft foot feet
length 1143/1250 yd yard
length 201168/125 mi mile
time 1/1000 ms millisecond
time 1 s sec second
time 60 min minute
time 3600 h hr hour
time 86400 day
time 604800 week wk
month 1 month
month 12 year yr
mass 1/1000 mg milligram
mass 1 g gm gram gramme
mass 1000 kg kilogram
mass 45359237/100000 lb pound
mass 45359237/1600000 oz ounce
volume 1/1000 ml milliliter millilitre
volume 1 l liter litre
gallon 1 gal gallon
gallon 1/4 quart qt
gallon 1/8 pint
gallon 1/16 cup
money 1 ¤ dollar usd buck
money 1/100 ¢ cent penny pennie
euro 1 € euro eur
pound-sterling 1 £ gbp
yuan 1 ¥ yuan rmb
angle 1 ° degree deg
percent 1 percentage-point
unit 1 unit
before-noon 1 am
after-noon 1 pm
"""
_UNITS = {
    name: (dimension, Fraction(factor))
    for dimension, factor, *names in map(str.split, _TABLE.strip().splitlines())
    for name in names
}
_SHORT = {"mph": "mile per hour", "kmh": "km per h", "kph": "km per h", "kmph": "km per h", "cc": "cubic cm"}
_PREFIXES = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_CONNECTOR_WORDS = (
    "or and not no but either about approximately around nearly almost maybe perhaps if is are was than over under"
    " plus minus times thousand million billion hundred dozen half most least"
)
_CONNECTORS = frozenset(_CONNECTOR_WORDS.split())
_NOON = re.compile(r"\b([ap])\.?\s?m\b\.?", re.IGNORECASE)
_WORD = re.compile(r"\s*(\^\s*\{?\s*(-?[1-9])\s*\}?|/|[A-Za-z]+\.?|[°¤¢€£¥]|,)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as a factor to base units and powers of dimensions; words without a factor have `factor` None."""

    factor: Fraction | None
    powers: tuple[tuple[str, int], ...]


def read_unit(text: str) -> Unit | None:
    """The unit a text names, or None if the text cannot be one: figures, hedges ("or", "about"), too many words."""
    words = _words(text)
    if not words or len(words) > 6 or any(word in _CONNECTORS for word in words):
        return None
    factor, powers, sign, times, last = Fraction(1), Counter[str](), 1, 1, ""
    for word in words:
        if word in ("per", "/"):
            sign, last = -1, ""
        elif word in _PREFIXES:
            times = _PREFIXES[word]
        elif word[0] == "^":
            if not last:
                return None
            extra = (int(word[1:]) - 1) * sign
            factor *= _UNITS[last][1] ** extra
            powers[_UNITS[last][0]] += extra
        elif word in _UNITS:
            dimension, size = _UNITS[word]
            factor *= size ** (sign * times)
            powers[dimension] += sign * times
            times, last = 1, word
        else:
            return Unit(None, tuple((word, 1) for word in words))
    return Unit(factor, tuple(sorted((name, power) for name, power in powers.items() if power)))


def _words(text: str) -> list[str]:
    words, at = [], 0
    text = _NOON.sub(r"\1m", text.strip())
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            return []
        words.extend(_SHORT.get(_singular(match[1]), _singular(match[1])).split() if not match[2] else ["^" + match[2]])
        at = match.end()
    return [word for word in words if word != ","]


def _singular(word: str) -> str:
    folded = word.rstrip(".").casefold()
    if folded in _UNITS or folded in _SHORT or not folded.endswith("s"):
        return folded
    return folded[:-1] if len(folded) > 3 or folded[:-1] in _UNITS else folded
