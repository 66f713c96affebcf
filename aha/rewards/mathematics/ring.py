"""Exact values of answers: quotients of polynomials in letters, pi, i and square roots of integers.

Different square-free roots, pi and the letters are independent over the rationals, so a value has one normal form,
equality is decided and never estimated, and there is nothing to simplify. Left out, as `NotExact`: roots of anything
but rational numbers, functions, letters in exponents. Every size is limited, so the worst answer's cost is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt

MAX_BITS = 8192
MAX_TERMS = 300
MAX_POWER = 64
MAX_RADICAND = 10**8

Monomial = tuple[int, tuple[tuple[str, int], ...]]
"""A square-free radicand, negative for a factor i, and the letters with their powers, sorted."""
Polynomial = dict[Monomial, Fraction]


class NotExact(ValueError):
    """The text has no value in this ring."""


class TooComplex(NotExact):
    """The value would be larger than the limits above."""


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """top / bottom; the bottom is never zero.

    >>> number(6) / number(4) == number(Fraction(3, 2))
    True
    """

    top: Polynomial
    bottom: Polynomial

    def __add__(self, other: Exact) -> Exact:
        if self.bottom == other.bottom:
            return Exact(_add(self.top, other.top), self.bottom)
        top = _add(_times(self.top, other.bottom), _times(other.top, self.bottom))
        return Exact(top, _times(self.bottom, other.bottom))

    def __neg__(self) -> Exact:
        return Exact({key: -value for key, value in self.top.items()}, self.bottom)

    def __sub__(self, other: Exact) -> Exact:
        return self + -other

    def __mul__(self, other: Exact) -> Exact:
        return Exact(_times(self.top, other.top), _times(self.bottom, other.bottom))

    def __truediv__(self, other: Exact) -> Exact:
        if not other.top:
            raise NotExact("division by zero")
        if len(other.top) == 1 and len(other.bottom) == 1:  # dividing by one term needs no bottom of its own
            return self * Exact({_ONE: Fraction(1)}, other.top).cleared() * Exact(other.bottom, {_ONE: Fraction(1)})
        return Exact(_times(self.top, other.bottom), _times(self.bottom, other.top))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Exact):
            return NotImplemented
        return _times(self.top, other.bottom) == _times(other.top, self.bottom)

    def cleared(self) -> Exact:
        """The same value, with the number and the root of a bottom of one term moved to the top."""
        [((root, letters), value)] = self.bottom.items()
        inverse: Polynomial = {(root, ()): 1 / (value * root)}
        return Exact(_times(self.top, inverse), {(1, letters): Fraction(1)})

    def rational(self) -> Fraction | None:
        """The value, if it is a rational number."""
        if any(key != _ONE for part in (self.top, self.bottom) for key in part):
            return None
        return self.top.get(_ONE, Fraction(0)) / self.bottom[_ONE]

    def constant(self) -> bool:
        """Whether no letter occurs; pi and i are no letters."""
        return not any(name != "π" for part in (self.top, self.bottom) for _, names in part for name, _ in names)

    def multiple(self, other: Exact) -> Fraction | None:
        """The rational c with self = c other, if there is one."""
        if not self.top or not other.top:
            return None
        left, right = _times(self.top, other.bottom), _times(other.top, self.bottom)
        if left.keys() != right.keys():
            return None
        ratios = {left[key] / right[key] for key in left}
        return ratios.pop() if len(ratios) == 1 else None


_ONE: Monomial = (1, ())


def number(value: int | Fraction) -> Exact:
    """A rational number. Raises TooComplex beyond MAX_BITS bits."""
    value = Fraction(value)
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise TooComplex("a number is too large")
    return Exact({_ONE: value} if value else {}, {_ONE: Fraction(1)})


def letter(name: str) -> Exact:
    """A letter as an unknown; "i" is the imaginary unit."""
    key: Monomial = (-1, ()) if name == "i" else (1, ((name, 1),))
    return Exact({key: Fraction(1)}, {_ONE: Fraction(1)})


def root(value: Exact, degree: int) -> Exact:
    """The square root of a rational number, or a higher root that is rational. Raises NotExact for others."""
    fraction = value.rational()
    if fraction is None:
        raise NotExact("a root of something that is no rational number")
    top, bottom = fraction.numerator, fraction.denominator
    if degree == 2:
        outside, inside = _square_free(abs(top) * bottom)
        sign = -1 if top < 0 else 1
        return Exact({(sign * inside, ()): Fraction(outside, bottom)} if top else {}, {_ONE: Fraction(1)})
    if degree < 2 or degree > MAX_POWER or (top < 0 and degree % 2 == 0):
        raise NotExact(f"a root of degree {degree}")
    high, low = _whole_root(abs(top), degree), _whole_root(bottom, degree)
    return number(Fraction(-high if top < 0 else high, low))


def power(base: Exact, exponent: Exact) -> Exact:
    """base ** exponent for a rational exponent. Raises TooComplex before the result is too large to hold."""
    wanted = exponent.rational()
    if wanted is None or (not base.top and wanted <= 0):
        raise NotExact("a power without an exact value")
    if wanted.denominator != 1:
        base = root(base, wanted.denominator)
    times = abs(wanted.numerator)
    if wanted < 0:
        base = number(1) / base
    _check_power(base, times)
    result = number(1)
    while times:
        if times & 1:
            result = result * base
        times >>= 1
        if times:
            base = base * base
    return result


def _check_power(base: Exact, times: int) -> None:
    terms = max(len(base.top), len(base.bottom))
    values = [value for part in (base.top, base.bottom) for value in part.values()]
    bits = max(max(abs(v.numerator).bit_length(), v.denominator.bit_length()) for v in values) - 1 if values else 0
    if times > (MAX_POWER if terms > 1 else MAX_BITS) or bits * times > MAX_BITS:
        raise TooComplex("a power is too large")


def _add(a: Polynomial, b: Polynomial) -> Polynomial:
    total = dict(a)
    for key, value in b.items():
        total[key] = total.get(key, Fraction(0)) + value
    return _checked(total)


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    if len(a) * len(b) > MAX_TERMS * 10:
        raise TooComplex("too many terms")
    total: Polynomial = {}
    for (root_a, names_a), value_a in a.items():
        for (root_b, names_b), value_b in b.items():
            factor, joined = _times_roots(root_a, root_b)
            key = joined, _times_letters(names_a, names_b)
            total[key] = total.get(key, Fraction(0)) + value_a * value_b * factor
    return _checked(total)


def _checked(terms: Polynomial) -> Polynomial:
    kept = {key: value for key, value in terms.items() if value}
    if len(kept) > MAX_TERMS:
        raise TooComplex("too many terms")
    if any(max(v.numerator.bit_length(), v.denominator.bit_length()) > 2 * MAX_BITS for v in kept.values()):
        raise TooComplex("a number is too large")
    return kept


def _times_roots(a: int, b: int) -> tuple[int, int]:
    """sqrt(a) sqrt(b) as (factor, square-free radicand); sqrt(-1) is i."""
    shared = gcd(a, b)
    both = a < 0 and b < 0
    joined = abs(a) * abs(b) // shared**2
    return -shared if both else shared, joined if both or (a > 0 and b > 0) else -joined


def _times_letters(a: tuple[tuple[str, int], ...], b: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    if not a or not b:
        return a or b
    powers = dict(a)
    for name, times in b:
        powers[name] = powers.get(name, 0) + times
    return tuple(sorted((name, times) for name, times in powers.items() if times))


def _square_free(value: int) -> tuple[int, int]:
    """value = outside**2 * inside, with a square-free inside."""
    whole = isqrt(value)
    if whole * whole == value:
        return whole, 1
    if value > MAX_RADICAND:
        raise TooComplex("a root of a large number")
    outside, factor = 1, 2
    while factor * factor <= value:
        while value % (factor * factor) == 0:
            value //= factor * factor
            outside *= factor
        factor += 1
    return outside, value


def _whole_root(value: int, degree: int) -> int:
    """The integer root of a perfect power."""
    if value.bit_length() > MAX_BITS // 4:
        raise TooComplex("a root of a large number")
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**degree < value else (low, middle)
    if low**degree != value:
        raise NotExact("a root that is not rational")
    return low
