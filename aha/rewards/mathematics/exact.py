r"""Read one mathematical expression as an exact value: numbers, fractions, roots, powers, letters, + - * /.

    evaluate(r"6\frac{1}{5}")  ->  Reading(31/5, operations=0)

A small recursive-descent parser over the spelling of `text`; nothing is ever executed. It also counts what was
left to the reader: an answer of 17*23 to "what is 17*23?" has the right value and answers nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from aha.rewards.mathematics.ring import Exact, NotExact, TooComplex, letter, number, power, root

MAX_DEPTH = 32
MAX_TOKENS = 600
MAX_DIGITS = 400

_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|\\[A-Za-z]+|[A-Za-z]+|[^\sA-Za-z\d\\])", re.ASCII)
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon"
    " phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell"
)
_FUNCTION_NAMES = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp sqrt det gcd lcm max min lim mod arg"
)
_GREEK = frozenset(_GREEK_NAMES.split())
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_APPLIED = frozenset("fgh")
"""Before a bracket these are functions, not factors."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, and how much of it was left undone.

    `operations` are sums and products; `effort` adds roots, powers and fractions that are not in lowest terms.
    """

    value: Exact
    operations: int
    effort: int


def evaluate(text: str) -> Reading:
    """The value of a spelled expression. Raises NotExact, or TooComplex beyond a limit."""
    parser = _Parser(_tokenize(text))
    value = parser.sum()
    if parser.at < len(parser.tokens):
        raise NotExact(f"unexpected {parser.peek()!r}")
    return Reading(value, parser.operations, parser.operations + parser.steps)


def _tokenize(text: str) -> list[str]:
    tokens: list[str] = []
    text, at = text.strip(), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotExact(f"unexpected {text[at]!r}")
        tokens.extend(_letters(match[1]) if match[1].isalpha() and match[1].isascii() else [match[1]])
        at = match.end()
        if len(tokens) > MAX_TOKENS:
            raise TooComplex(f"more than {MAX_TOKENS} symbols")
    return tokens


def _letters(run: str) -> list[str]:
    """A run of letters: one of two names people leave the backslash out of, or a product."""
    if run in ("sqrt", "pi"):
        return ["\\sqrt" if run == "sqrt" else "π"]
    if len(run) > 3 or any(run.startswith(name) for name in FUNCTIONS):
        raise NotExact(f"the word {run!r}")
    return list(run)


class _Parser:
    """sum := [sign] product (sign product)*, product := factor ([* /] factor)*, factor := atom [^ exponent]."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = self.depth = self.operations = self.steps = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise NotExact(f"expected {token!r}")

    def sum(self) -> Exact:
        value = self.signed()
        while self.peek() in ("+", "-"):
            sign = self.take()
            before = self.at
            term = self.signed()
            if not (sign == "+" and self._mixed(before)):
                self.operations += 1
            value = value + term if sign == "+" else value - term
        return value

    def _mixed(self, at: int) -> bool:
        """Whether the term just read makes 3 + 1/2 of a whole number: another way to write a mixed number."""
        term = "".join(self.tokens[at : self.at])
        whole = self.tokens[at - 2].isdecimal() and (at == 2 or self.tokens[at - 3] in ("-", "(", "{"))
        match = re.fullmatch(r"(?:\\frac\{?(\d+)\}?\{?(\d+)\}?|(\d+)/(\d+))", term)
        top, bottom = (match[1] or match[3], match[2] or match[4]) if match else ("1", "1")
        return whole and int(top) < int(bottom)

    def signed(self) -> Exact:
        sign = 1
        for _ in range(2):
            if self.peek() in ("+", "-"):
                sign = -sign if self.take() == "-" else sign
        value = self.product()
        return -value if sign < 0 else value

    def product(self) -> Exact:
        start = self.at
        value = self.factor()
        while True:
            token = self.peek()
            if token in ("*", "/"):
                self.at += 1
                negative = self.peek() == "-"
                self.at += negative
                before = self.at
                term = -self.factor() if negative else self.factor()
                self._count(token, start, before)
                value = value / term if token == "/" else value * term
            elif token.isalnum() or token[:1] in ("\\", "(", "{", "π", "∞"):
                value = self.juxtaposed(value, start)
            else:
                return value

    def _count(self, sign: str, start: int, before: int) -> None:
        """A fraction costs nothing but reduction; a * 10^n is how large numbers are written."""
        if sign == "/":
            self.steps += _reducible(self.tokens[start : before - 1], self.tokens[before : self.at])
        elif self.tokens[before : before + 2] != ["10", "^"] or before - start != 2:
            self.operations += 1

    def juxtaposed(self, value: Exact, start: int) -> Exact:
        """A product without a sign, or a mixed number, whose fraction is added."""
        last, token = self.tokens[self.at - 1], self.peek()
        if token[-1:].isdecimal():
            if self.at - start == 1 and last.isdecimal() and token.isdecimal() and self.peek(1) == "/":
                return value + self._proper(self.product())
            raise NotExact("two numbers side by side")
        if token == "\\frac" and self.at - start == 1 and last.isdecimal():
            before = self.at
            fraction = self.factor()
            if all(t.isdecimal() or t in "\\frac{}" for t in self.tokens[before : self.at]):
                return value + self._proper(fraction)
            self.operations += 1
            return value * fraction
        self.operations += 1
        return value * self.factor()

    def _proper(self, fraction: Exact) -> Exact:
        part = fraction.rational()
        if part is None or not 0 < part < 1:
            raise NotExact("a mixed number needs a fraction below one")
        return fraction

    def factor(self) -> Exact:
        value = self.atom()
        if self.peek() != "^":
            if self.peek() in ("!", "°", "'", "_", "|", "%"):
                raise NotExact(f"{self.peek()} has no exact value")
            return value
        self.at += 1
        self.steps += 1
        exponent = self.exponent()
        if self.peek() == "^":
            raise TooComplex("a tower of powers")
        return power(value, exponent)

    def exponent(self) -> Exact:
        if self.peek() in ("+", "-"):
            return -self.atom() if self.take() == "-" else self.atom()
        return self.atom()

    def atom(self) -> Exact:
        token = self.take()
        if token[-1:].isdecimal() and token.isascii():
            if len(token) > MAX_DIGITS:
                raise TooComplex(f"a number of more than {MAX_DIGITS} digits")
            return number(Fraction(token))
        if token in ("(", "{", "["):
            return self.bracket({"(": ")", "{": "}", "[": "]"}[token])
        if token == "\\frac":
            return self.fraction()
        if token == "\\sqrt":
            return self.radical()
        return self.unknown(token)

    def unknown(self, token: str) -> Exact:
        name = token[1:] if token[:1] == "\\" and token[1:] in _GREEK else token
        if not (name != token or token in ("π", "∞") or (len(token) == 1 and token.isascii() and token.isalpha())):
            raise NotExact(f"unexpected {token!r}" if token else "the expression ends early")
        if self.peek() == "_":
            self.at += 1
            name += "_" + "".join(self.group())
        if name in _APPLIED and self.peek() == "(":
            raise NotExact("a function")
        return letter(name)

    def group(self) -> list[str]:
        """The tokens of an index: one, or all of a pair of braces."""
        if self.peek() != "{":
            return [self.take()]
        start = self.at + 1
        while self.peek() not in ("}", ""):
            self.at += 1
        self.expect("}")
        return self.tokens[start : self.at - 1]

    def bracket(self, closing: str) -> Exact:
        """The rest of a bracket. Its depth is limited, because each level takes frames of Python's stack."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplex(f"more than {MAX_DEPTH} brackets deep")
        value = self.sum()
        self.expect(closing)
        self.depth -= 1
        return value

    def argument(self) -> Exact:
        """What a command applies to: braces, or the one digit or symbol that follows it."""
        token = self.peek()
        if token.isdecimal() and len(token) > 1:
            self.tokens[self.at : self.at + 1] = [token[0], token[1:]]
        return self.atom()

    def fraction(self) -> Exact:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplex(f"more than {MAX_DEPTH} fractions deep")
        start = self.at
        top = self.argument()
        middle = self.at
        bottom = self.argument()
        self.steps += _reducible(self.tokens[start:middle], self.tokens[middle : self.at])
        self.depth -= 1
        return top / bottom

    def radical(self) -> Exact:
        degree = 2
        if self.peek() == "[":
            inside = self.tokens[self.at + 1 : self.at + 3]
            if len(inside) < 2 or not inside[0].isdecimal() or len(inside[0]) > 2 or inside[1] != "]":
                raise NotExact("a root of no fixed degree")
            degree, self.at = int(inside[0]), self.at + 3
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplex(f"more than {MAX_DEPTH} roots deep")
        self.steps += 1
        value = root(self.atom(), degree)
        self.depth -= 1
        return value


def _reducible(top: list[str], bottom: list[str]) -> bool:
    """Whether two whole numbers make a fraction that is not in lowest terms."""
    first, second = "".join(top).strip("{}"), "".join(bottom).strip("{}")
    if not (first.isdecimal() and second.isdecimal() and int(second)):
        return False
    return Fraction(int(first), int(second)).denominator != int(second) or int(second) == 1
