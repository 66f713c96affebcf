"""Solve Countdown: which expressions over given numbers, each used once, reach a target. Exact, in rationals.

The last operation of a solution splits the numbers in two, and the value of one side then fixes the value of the
other. So all values are listed only for sets of up to three numbers, and larger sets are searched from the target
backwards: four numbers take about two milliseconds, six about a second when there is no solution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import islice

Value = int | Fraction
Tree = int | tuple[str, "Tree", "Tree"]
"""A number, or (operator, left, right)."""

OPERATORS = "+-*/"
_LISTED = 3  # sets of up to this many numbers have all their values listed
_LOOKS = 500  # how many solutions `find` looks at for one without fractions or negative numbers


def solve(numbers: Sequence[int], target: int, operators: str = OPERATORS) -> str | None:
    """An expression that uses each number once and equals the target, or None when there is none.

    >>> solve([44, 19, 35], 98)
    '(44 + 19) + 35'
    """
    tree = find(numbers, target, operators)
    return None if tree is None else show(tree)


def find(numbers: Sequence[int], target: int, operators: str = OPERATORS) -> Tree | None:
    """As `solve`, as a tree. A solution whose steps are all natural numbers is preferred."""
    first = None
    for tree in islice(_Search(numbers, operators).ways(target), _LOOKS):
        if all(isinstance(value, int) and value >= 0 for *_, value in steps(tree)):
            return _tidy(tree)
        first = tree if first is None else first
    return None if first is None else _tidy(first)


def reachable(numbers: Sequence[int], target: int, operators: str = OPERATORS) -> bool:
    """Whether `find` finds something. Of three numbers it is told without fractions.

    Two numbers make at most six values, and so does what the third needs of them. Each is one operation on whole numbers,
    rounded once, so equal fractions are equal floats; numbers below 2^26 keep different ones apart.
    """
    if len(numbers) != 3 or min(numbers) < 1 or max(*numbers, abs(target)) >= 1 << 26:
        return find(numbers, target, operators) is not None
    x, y, z = numbers
    return not (
        _pair_values(x, y, operators).isdisjoint(_needed(z, target, operators))
        and _pair_values(x, z, operators).isdisjoint(_needed(y, target, operators))
        and _pair_values(y, z, operators).isdisjoint(_needed(x, target, operators))
    )


@lru_cache(1 << 14)
def _pair_values(a: int, b: int, operators: str) -> frozenset[float]:
    """The values of one operation on a and b, in either order."""
    made: list[float] = []
    made += [a + b] * ("+" in operators) + [a - b, b - a] * ("-" in operators) + [a * b] * ("*" in operators)
    made += [a / b, b / a] * ("/" in operators)
    return frozenset(made)


@lru_cache(1 << 14)
def _needed(c: int, target: int, operators: str) -> frozenset[float]:
    """What makes the target in one operation with c, in either order."""
    made: list[float] = []
    made += [target - c] * ("+" in operators) + [target + c, c - target] * ("-" in operators)
    made += [target / c] * ("*" in operators) + [target * c] * ("/" in operators)
    if "/" in operators and target:
        made.append(c / target)
    return frozenset(made)


def solutions(numbers: Sequence[int], target: int, operators: str = OPERATORS) -> list[str]:
    """Every solution once: those that differ only in the order or bracketing of a sum or product count as one."""
    found = {_key(tree): tree for tree in _Search(numbers, operators).ways(target)}
    return [show(_tidy(tree)) for tree in found.values()]


def show(tree: Tree) -> str:
    """A tree as text, with brackets around every operation but the last."""
    if isinstance(tree, int):
        return str(tree)
    left, right = (show(side) if isinstance(side, int) else f"({show(side)})" for side in tree[1:])
    return f"{left} {tree[0]} {right}"


def steps(tree: Tree) -> list[tuple[Value, str, Value, Value]]:
    """The operations of a tree in the order they are done, as (left, operator, right, value)."""
    if isinstance(tree, int):
        return []
    operator, left, right = tree
    before, after = steps(left), steps(right)
    a: Value = before[-1][-1] if before else left  # type: ignore[assignment]
    b: Value = after[-1][-1] if after else right  # type: ignore[assignment]
    value = apply(operator, a, b)
    assert value is not None, "a tree never divides by zero"
    return [*before, *after, (a, operator, b, value)]


def apply(operator: str, a: Value, b: Value) -> Value | None:
    """One operation; None for a division by zero. Whole results are of type int."""
    if operator == "+":
        value = a + b
    elif operator == "-":
        value = a - b
    elif operator == "*":
        value = a * b
    elif b == 0:
        return None
    else:
        value = Fraction(a) / b
    return value if isinstance(value, int) or value.denominator != 1 else value.numerator


class _Search:
    """Sets of numbers are bit masks over their positions, so that equal numbers stay apart."""

    def __init__(self, numbers: Sequence[int], operators: str) -> None:
        self.operators = operators
        self.whole = (1 << len(numbers)) - 1
        self.tables: dict[int, dict[Value, list[Tree]]] = {1 << i: {n: [n]} for i, n in enumerate(numbers)}

    def table(self, mask: int) -> dict[Value, list[Tree]]:
        """Every value of a set of numbers, with every tree that reaches it."""
        if mask not in self.tables:
            table: dict[Value, list[Tree]] = {}
            for small, large in _splits(mask):
                for a, lefts in self.table(small).items():
                    for b, rights in self.table(large).items():
                        for operator, value, flipped in self.combine(a, b):
                            trees = _join(operator, lefts, rights, flipped)
                            table.setdefault(value, []).extend(trees)
            self.tables[mask] = table
        return self.tables[mask]

    def combine(self, a: Value, b: Value) -> Iterator[tuple[str, Value, bool]]:
        """Every value of one operation on a and b: (operator, value, whether b comes first)."""
        for operator in self.operators:
            for flipped in (False, True) if operator in "-/" else (False,):
                value = apply(operator, b, a) if flipped else apply(operator, a, b)
                if value is not None:
                    yield operator, value, flipped

    def ways(self, target: Value, mask: int | None = None) -> Iterator[Tree]:
        """Every tree over a set of numbers (all of them, if not said) that equals the target."""
        mask = self.whole if mask is None else mask
        if mask.bit_count() <= _LISTED - 1:
            yield from self.table(mask).get(target, ())
            return
        for small, large in _splits(mask):
            for a, lefts in self.table(small).items():
                for operator, b, flipped in self.partners(a, target):
                    yield from _join(operator, lefts, self.reaching(b, large), flipped)

    def reaching(self, value: Value | None, mask: int) -> Iterator[Tree]:
        if value is None:
            for other, trees in self.table(mask).items():
                yield from trees if other != 0 else ()
        elif mask.bit_count() <= _LISTED:
            yield from self.table(mask).get(value, ())
        else:
            yield from self.ways(value, mask)

    def partners(self, a: Value, target: Value) -> Iterator[tuple[str, Value | None, bool]]:
        """Every b with which a reaches the target: (operator, b, whether b comes first).

        None stands for any b but zero, which is the case of 0 * b and 0 / b.
        """
        for operator in self.operators:
            if operator == "+":
                yield operator, target - a, False
            elif operator == "-":
                yield operator, a - target, False
                yield operator, a + target, True
            elif a == 0:
                if target == 0:
                    yield operator, None, False
            elif operator == "*":
                yield operator, Fraction(target) / a, False
            else:
                yield operator, target * a, True
                if target != 0:
                    yield operator, Fraction(a) / target, False


def _splits(mask: int) -> Iterator[tuple[int, int]]:
    """Every way to cut a set in two, the smaller part first."""
    part = (mask - 1) & mask
    while part:
        rest = mask ^ part
        sizes = part.bit_count(), rest.bit_count()
        if sizes[0] < sizes[1] or (sizes[0] == sizes[1] and part < rest):
            yield part, rest
        part = (part - 1) & mask


def _join(
    operator: str, lefts: Sequence[Tree], rights: Iterator[Tree] | Sequence[Tree], flipped: bool
) -> Iterator[Tree]:
    for right in rights:
        for left in lefts:
            yield (operator, right, left) if flipped else (operator, left, right)


def _tidy(tree: Tree) -> Tree:
    """The same solution with a bracket before a lone number, where the order is free: (1 + 2) * 3, not 3 * (1 + 2)."""
    if isinstance(tree, int):
        return tree
    operator, left, right = tree[0], _tidy(tree[1]), _tidy(tree[2])
    swap = operator in "+*" and isinstance(left, int) and not isinstance(right, int)
    return (operator, right, left) if swap else (operator, left, right)


def _key(tree: Tree) -> str:
    """The same text for trees that differ only in the order or bracketing of a sum or product."""
    if isinstance(tree, int):
        return str(tree)
    family = "+-" if tree[0] in "+-" else "*/"
    kept, inverted = _operands(tree, family)
    return f"({family[0].join(sorted(kept))}{family[1]}{family[1].join(sorted(inverted))})"


def _operands(tree: Tree, family: str) -> tuple[list[str], list[str]]:
    """The terms of a sum, added and subtracted; or the factors of a product, multiplied and divided by."""
    if isinstance(tree, int) or tree[0] not in family:
        return [_key(tree)], []
    kept, inverted = _operands(tree[1], family)
    more, less = _operands(tree[2], family)
    if tree[0] == family[1]:
        more, less = less, more
    return kept + more, inverted + less
