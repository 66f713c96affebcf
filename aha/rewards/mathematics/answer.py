r"""Read a final answer: which kind of thing it is, and what its parts are.

    readings(r"(-\infty, 3] \cup \{5\}")  ->  a union of a bracket "(]" of two numbers and a list of one

The structure (lists, points, intervals, matrices, equations, units) is read here and compared part by part, so that
only single expressions are ever left to a computer algebra system. Text that is no such thing raises NotAnswer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from aha.rewards.mathematics.exact import FUNCTIONS, Reading, evaluate
from aha.rewards.mathematics.ring import NotExact, TooComplex
from aha.rewards.mathematics.text import spell
from aha.rewards.mathematics.units import Unit, read_unit

MAX_NESTING = 8
MAX_ITEMS = 64

Kind = Literal["number", "words", "list", "bracket", "union", "matrix", "relation", "ratio", "numeral"]


class NotAnswer(ValueError):
    """The text is not one final answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or one part of one.

    `shape` tells what kind of brackets, matrix, relation or base. `body` is the text of a number without its unit,
    and `reading` its exact value, None where it has none. `name` is the x of "x = 5".
    """

    kind: Kind
    text: str
    items: tuple[Answer, ...] = ()
    shape: str = ""
    body: str = ""
    reading: Reading | None = None
    unit: Unit | None = None
    percent: bool = False
    name: str = ""

    def rational(self) -> Fraction | None:
        """The value of a number, if it is rational."""
        return self.reading.value.rational() if self.reading is not None else None


def readings(text: str) -> list[Answer]:
    """Every way to read an answer: "1,234" is a number and, where it has to be, two of them.

    Raises NotAnswer, or TooComplex beyond a limit.
    """
    spelled = spell(text)
    joined = _GROUPED.sub(lambda m: m[0].replace(",", ""), spelled)
    if joined == spelled or (re.search(r"[(\[⦃]", spelled) and ", " not in spelled):
        return [read(spelled)]
    return [read(joined)] if re.search(r",0", spelled) else [read(joined), read(spelled)]


def read(text: str, nesting: int = 0) -> Answer:
    """Read a spelled answer. Raises NotAnswer, or TooComplex beyond a limit."""
    text = text.strip()
    if nesting > MAX_NESTING:
        raise TooComplex(f"more than {MAX_NESTING} levels")
    if not text:
        raise NotAnswer("nothing")
    if [depth for depth, _ in _marks(text)][-1:] > [0]:
        raise NotAnswer("brackets do not match")
    if "±" in text:
        both = text.replace("±", "+").replace("∓", "-"), text.replace("±", "-").replace("∓", "+")
        return Answer("list", text, tuple(read(half, nesting + 1) for half in both))
    for kind, pattern in (("list", _SEPARATOR), ("union", _UNION)):
        parts = _split(text, pattern)
        if len(parts) > 1:
            items = tuple(read(part, nesting + 1) for part in parts)
            if kind == "union" and any(item.kind == "number" for item in items):
                raise NotAnswer("a union of numbers")
            return Answer(kind, text, items)  # type: ignore[arg-type]
    return _relation(text, nesting) or _matrix(text, nesting) or _enclosed(text, nesting) or _single(text)


_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_SEPARATOR = re.compile(r"[,;](?:\s*(?:and|or)(?![A-Za-z]))?|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|[或和与]")
_UNION = re.compile("∪")
_COMPARISON = re.compile(r"<=|>=|<|>|=|\\ne(?![A-Za-z])|\\in(?![A-Za-z])")
_STRUCTURE = re.compile(r"\\begin\{|\\end\{|[(\[{⦃]|[)\]}⦄]")


def _marks(text: str, pattern: re.Pattern[str] | None = None) -> Iterator[tuple[int, re.Match[str]]]:
    """Brackets and matches of a pattern, each with its depth: of a closing bracket, the depth after it."""
    depth = 0
    joint = re.compile(f"{_STRUCTURE.pattern}|(?P<found>{pattern.pattern})") if pattern else _STRUCTURE
    for match in joint.finditer(text):
        if pattern and match["found"]:
            yield depth, match
            continue
        depth += 1 if match[0][0] in "([{⦃" or match[0] == "\\begin{" else -1
        if match[0] in ("\\begin{", "\\end{"):
            depth += 1  # its own brace is closed in a moment
        if depth < 0:
            raise NotAnswer("brackets do not match")
        yield depth, match


def _split(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The parts between matches of a pattern outside all brackets; never blank."""
    if not pattern.search(text):
        return [text]
    parts, start = [], 0
    for depth, match in _marks(text, pattern):
        if depth == 0 and match["found"]:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    if len(parts) > MAX_ITEMS:
        raise TooComplex(f"more than {MAX_ITEMS} parts")
    if len(parts) > 1 and not all(parts):
        raise NotAnswer("a part is missing")
    return parts


_NAME = re.compile(
    r"\([A-Za-z](?:,\s*[A-Za-z])+\)|"
    r"(?:\\text\{[^{}\d]*\}|(?:\\[A-Za-z]+\s*)?[A-Za-z][A-Za-z0-9']*|\\[A-Za-z]+)"
    r"(?:_\{?\w+\}?)?(?:\s*\([A-Za-z0-9,\s]*\))?"
)


def _relation(text: str, nesting: int) -> Answer | None:
    sides = _split(text, _COMPARISON)
    if len(sides) == 1:
        return None
    signs = [match[0] for depth, match in _marks(text, _COMPARISON) if depth == 0 and match["found"]]
    name = sides[0].replace(" ", "") if signs[0] in ("=", "\\in") and _NAME.fullmatch(sides[0]) else ""
    items = tuple(read(side, nesting + 1) for side in sides)
    return Answer("relation", text, items, " ".join(signs), name=name)


_MATRIX = re.compile(r"\\begin\{([pbBvV]?matrix|array)\}(?:\{[lcr|\s]*\})?(.*)\\end\{\1\}", re.DOTALL)
_ROW = re.compile(r"¶(?:\s*\[[^\]]*\])?")
_CELL = re.compile("&")


def _matrix(text: str, nesting: int) -> Answer | None:
    match = _MATRIX.fullmatch(text)
    if match is None or "\\begin" in match[2]:
        return None
    body = re.sub(r"\\hline|\s*¶\s*$", "", match[2].strip())
    rows = [[cell.strip() for cell in _CELL.split(row)] for row in _ROW.split(body)]
    if sum(map(len, rows)) > MAX_ITEMS or len({len(row) for row in rows}) > 1:
        raise NotAnswer("no matrix")
    items = tuple(read(cell, nesting + 1) for row in rows for cell in row)
    kind = "det " if match[1][0] in "vV" else ""
    return Answer("matrix", text, items, f"{kind}{len(rows)}x{len(rows[0])}")


def _enclosed(text: str, nesting: int) -> Answer | None:
    """What one pair of brackets around everything holds."""
    if text[0] not in "([{⦃" or text[-1] not in ")]}⦄":
        return None
    closed = next((match.end() for depth, match in _marks(text) if depth == 0), 0)
    if closed < len(text):
        return None
    parts = _split(text[1:-1], _SEPARATOR)
    if text[0] == "⦃":
        return Answer("list", text, tuple(read(part, nesting + 1) for part in parts) if text[1:-1].strip() else ())
    if len(parts) == 1:
        inside = read(parts[0], nesting + 1)
        return replace(inside, text=text) if inside.kind == "number" else inside
    return Answer("bracket", text, tuple(read(part, nesting + 1) for part in parts), text[0] + text[-1])


_NUMERAL = re.compile(r"(?:\\text\{)?\(?(-?[0-9A-Z]+(?:\.[0-9A-Z]+)?)\)?\}?_\s*\{?\s*(\d{1,2})\s*\}?")
_RATIO = re.compile(r"\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+")
_WORDS = re.compile(r"(?:\\text\s*\{[^{}]*\}[\s.,]*)+")
_LONG = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{4,}")


def _single(text: str) -> Answer:
    """A number, words, a numeral in a base, or a ratio."""
    numeral = _NUMERAL.fullmatch(text)
    if numeral:
        return Answer("numeral", text, shape=f"{numeral[1].lstrip('0')}_{int(numeral[2])}")
    if _RATIO.fullmatch(text):
        return Answer("ratio", text, tuple(_number(part) for part in text.replace(" ", "").split(":")))
    if _WORDS.fullmatch(text):
        return Answer("words", text)
    plain = [word for word in _LONG.findall(text) if word not in FUNCTIONS]
    if (plain and not re.search(r"[\d\\]", text)) or re.search(r"[\u4e00-\u9fff]", text):
        return Answer("words", text)
    return _number(text)


_CURRENCY = re.compile(r"([-+]?)\s*([¤€£¥])\s*(.*)|([-+\d.]+)\s*([¤€£¥])")
_PERCENT = re.compile(r"(?:%|\\text\{\s*(?:percent|%|per cent)\s*\}|\b(?:percent|per cent|percentage|pct))$")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_PLAIN_UNIT = re.compile(r"(.*[\d)}π])\s*([A-Za-z¢][A-Za-z./^\d\s{}¢]*)")


def _number(text: str) -> Answer:
    """A number with what stands around it: currency, percent sign, unit."""
    body, unit = text, None
    currency = _CURRENCY.fullmatch(body)
    if currency:
        body, unit = (currency[4] or currency[1] + currency[3]), read_unit(currency[2] or currency[5])
    percent = _PERCENT.search(body)
    if percent:
        body = body[: percent.start()].strip()
    if unit is None and not percent:
        body, unit = _cut_unit(body)
    reading = _evaluate(body)
    if reading is None and "°" in text:  # the degrees of \cos 58° are not the unit of the whole
        body, unit = text, None
    return Answer("number", text, body=body, reading=reading, unit=unit, percent=bool(percent))


def with_unit(answer: Answer) -> Answer:
    """A number and a letter as a number and a unit: "5 m" where metres are looked for, which else is five times m."""
    match = re.fullmatch(r"([-+]?[\d.]+)\s*([A-Za-z])", answer.body)
    unit = read_unit(match[2]) if match and answer.unit is None else None
    if match is None or unit is None or unit.factor is None:
        return answer
    return replace(answer, body=match[1], reading=_evaluate(match[1]), unit=unit)


def _evaluate(body: str) -> Reading | None:
    try:
        return evaluate(body)
    except TooComplex:
        raise
    except NotExact:
        return None


def _cut_unit(text: str) -> tuple[str, Unit | None]:
    """A number and the unit behind it. Letters alone are a unit only if the table knows them, or they are a word."""
    start = min((at for at in (text.find("\\text"), text.find("°")) if at > 0), default=-1)
    if start > 0:
        unit = read_unit(_TEXT.sub(r" \1 ", text[start:]))
        return (text[:start].strip(), unit) if unit else (text, None)
    match = _PLAIN_UNIT.fullmatch(text)
    if match is None or len(match[2].strip()) < 2 or FUNCTIONS & set(re.findall(r"[a-z]+", match[2])):
        return text, None
    unit = read_unit(match[2])
    known = unit is not None and (unit.factor is not None or _LONG.search(match[2]) is not None)
    return (match[1], unit) if known else (text, None)
