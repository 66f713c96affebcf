"""Exact arithmetic on expressions that a model wrote.

Text is parsed by a small recursive-descent parser into a tree of integers and + - * /, and evaluated in rational
numbers. There is no `eval`, no power operator, no floating point, and every size is limited, so the cost of the worst
text is known.
"""

from __future__ import annotations

import re
from fractions import Fraction

MAX_CHARACTERS = 400
MAX_NUMBERS = 32
MAX_DIGITS = 12
MAX_DEPTH = 32

_TOKEN = re.compile(r"\s*(?:(\d+)|([-+*/()]))", re.ASCII)
_LOOKALIKES = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "（": "(", "）": ")"})


class NotArithmetic(ValueError):
    """The text is not an expression of integers, + - * /, and brackets within the size limits."""


def evaluate(text: str) -> tuple[Fraction, list[int]]:
    """Value of an expression and the numbers it uses, in order of appearance.

    >>> evaluate("(7 - 3) / 8")
    (Fraction(1, 2), [7, 3, 8])

    Raises NotArithmetic for anything else: names, powers, a division by zero, or more than the limits above.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotArithmetic(f"longer than {MAX_CHARACTERS} characters")
    tokens = _tokenize(text.translate(_LOOKALIKES).strip())
    parser = _Parser(tokens)
    value = parser.sum()
    if parser.at < len(tokens):
        raise NotArithmetic(f"unexpected {tokens[parser.at]!r}")
    return value, parser.numbers


def _tokenize(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotArithmetic(f"unexpected {text[at:].lstrip()[0]!r}")
        tokens.append(match[1] or match[2])
        at = match.end()
    if sum(token.isdigit() for token in tokens) > MAX_NUMBERS:
        raise NotArithmetic(f"more than {MAX_NUMBERS} numbers")
    return tokens


class _Parser:
    """sum := product (('+'|'-') product)*, product := atom (('*'|'/') atom)*, atom := [-] number | [-] '(' sum ')'."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.numbers: list[int] = []

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def sum(self) -> Fraction:
        value = self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Fraction:
        value = self.atom()
        while self.peek() in ("*", "/"):
            if self.take() == "*":
                value *= self.atom()
            else:
                divisor = self.atom()
                if divisor == 0:
                    raise NotArithmetic("division by zero")
                value /= divisor
        return value

    def atom(self) -> Fraction:
        token = self.take()
        if token == "-" and self.peek() != "-":
            return -self.atom()
        if token == "(":
            return self.bracket()
        if token.isdigit():
            if len(token) > MAX_DIGITS:
                raise NotArithmetic(f"a number of more than {MAX_DIGITS} digits")
            self.numbers.append(int(token))
            return Fraction(int(token))
        raise NotArithmetic(f"unexpected {token!r}" if token else "the expression ends early")

    def bracket(self) -> Fraction:
        """The rest of a bracket. Its depth is limited, because each level takes four frames of Python's stack."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotArithmetic(f"more than {MAX_DEPTH} brackets deep")
        value = self.sum()
        if self.take() != ")":
            raise NotArithmetic("a bracket is not closed")
        self.depth -= 1
        return value
