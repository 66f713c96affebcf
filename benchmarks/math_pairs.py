r"""Rewrite real answers into equal spellings and near misses: the rule-made rows of tests/data/math_pairs.jsonl.

    python -m benchmarks.math_pairs ../shared/data        keeps the hand-written rows, makes the others again

Each row is `{"gold", "answer", "same", "kind", "split", "by"}`. Golds are final answers of GSM8K, MATH and AIME 2024.
A rewriting is certain by how it is made (a fraction extended by a whole number, an open end closed), and nothing here
uses the grader. `split` follows from the gold, so no gold is in both halves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAIRS = ROOT / "tests" / "data" / "math_pairs.jsonl"
Rewriting = tuple[str, str, bool]
"""An answer, what was done to the gold, and whether it still is the gold."""


def last_box(solution: str) -> str:
    """What the last box of a worked solution holds."""
    start = solution.find("{", solution.rfind("\\boxed"))
    depth = 0
    for at in range(start, len(solution)):
        depth += (solution[at] == "{") - (solution[at] == "}")
        if depth == 0:
            return solution[start + 1 : at].strip()
    return ""


def golds(data: Path, rng: random.Random) -> list[str]:
    """Answers of three data sets: all of AIME, some of GSM8K, all of MATH that are no small whole number."""

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (data / name).read_text().splitlines()]

    gsm8k = [row["answer"].rpartition("####")[2].strip() for row in rows("gsm8k/test_dev.jsonl")]
    aime = [str(row["answer"]) for row in rows("aime24/test.jsonl")]
    boxes = [last_box(row["solution"]) for row in rows("math/test_dev.jsonl")]
    whole = [box for box in boxes if re.fullmatch(r"-?\d+", box)]
    other = sorted({box for box in boxes if box and box not in whole})
    return [*rng.sample(gsm8k, 70), *aime, *rng.sample(whole, 70), *other]


def number(value: Fraction) -> str:
    """LaTeX of a rational number."""
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return str(value.numerator)
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def decimal(value: Fraction) -> str | None:
    """The finite decimal of a rational number, if it has one of at most six places."""
    for places in range(7):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).rjust(places + 1, "0")
            text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
            return ("-" if value < 0 else "") + text
    return None


def integers(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    if not re.fullmatch(r"-?\d{1,9}", gold):
        return
    n, k = int(gold), rng.randint(2, 6)
    for answer, kind in [
        (f"{n}.0", "trailing zero"), (f"{n}.00", "trailing zero"), (rf"\frac{{{n * k}}}{{{k}}}", "unreduced"),
        (f"{n * k}/{k}", "unreduced"), (f"${n}$", "delimiters"), (rf"\({n}\)", "delimiters"), (f"{n}.", "full stop"),
        (f"x = {n}", "named"), (rf"\text{{{n}}}", "text"), (f"{{{n}}}", "braces"), (f" {n} ", "spaces"),
        (str(n).translate(str.maketrans("0123456789-", "０１２３４５６７８９−")), "unicode"),
        (rf"\left({n}\right)", "brackets"), (rf"\mathbf{{{n}}}", "bold"), (rf"\frac{{{-n}}}{{-1}}", "signs"),
    ]:  # fmt: skip
        yield answer, kind, True
    if 1 < n < 100:
        yield rf"\sqrt{{{n * n}}}", "root", True
    if n >= 1000:
        yield f"{n:,}", "thousands", True
        yield f"{n:,}".replace(",", "{,}"), "thousands", True
        yield f"{n:,}".replace(",", ",\\!"), "thousands", True
        yield f"{n:,}".replace(",", "\\,"), "thousands", True
    misses = [
        (str(n + 1), "off by one"), (str(n - 1), "off by one"), (str(n * 10), "magnitude"), (f"{n}.5", "half more"),
        (decimal(Fraction(n, 10)), "magnitude"), (f"{n} or {n + k}", "hedge"), (f"{n}, {n + k}", "two answers"),
        (rf"\frac{{{n}}}{{{k}}}", "divided"), (f"{n}x", "factor"), (f"x + {n}", "term"), (f"{n} + {k}", "term"),
        (f"not {n}", "negated"), (f"{n}\\text{{ or }}{n - k}", "hedge"), (f"x = {n} or x = {n + k}", "hedge"),
        (rf"\{{{n}, {n + k}\}}", "two answers"), (f"({n}, {n + k})", "two answers"), (f"[{n}, {n + k}]", "range"),
        (f"{n}-{n + k}", "range"), (rf"\sqrt{{{n * n + k}}}", "root"), (f"{n}{k}", "digit more"), (f"{k}^{{{n}}}", "power"),
        (f"x > {n}", "inequality"), (f"x \\neq {n}", "negated"), (rf"\pm {abs(n) + k}", "two answers"),
    ]  # fmt: skip
    if n:
        misses += [(str(-n), "sign"), (rf"\pm {abs(n)}", "two answers"), (f"{n}i", "imaginary")]
    swapped = str(n)[:-2] + str(n)[-1] + str(n)[-2] if abs(n) > 9 else ""
    if swapped and int(swapped) != n:
        misses.append((swapped, "digits swapped"))
    if abs(n) > 1:
        misses += [
            (f"{n}^2", "power"),
            (rf"\frac{{1}}{{{n}}}", "inverted"),
            (f"{abs(n) - 1} < x < {abs(n) + 1}", "range"),
        ]
    for answer, kind in misses:
        yield answer, kind, False  # type: ignore[misc]


FRACTION = re.compile(r"(-?)\\[dtc]?frac\s*(?:\{(\d+)\}|(\d))\s*(?:\{(\d+)\}|(\d))")


def fractions(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = FRACTION.fullmatch(gold)
    if match is None:
        return
    a, b = int(match[2] or match[3]), int(match[4] or match[5])
    sign, k = match[1], rng.randint(2, 7)
    value = Fraction(int(sign + str(a)), b)
    for answer, kind in [
        (f"{sign}{a}/{b}", "slash"), (rf"{sign}\dfrac{{{a}}}{{{b}}}", "dfrac"), (rf"{sign}\frac{{{a * k}}}{{{b * k}}}", "unreduced"),
        (f"{sign}{a * k}/{b * k}", "unreduced"), (rf"${sign}\tfrac{{{a}}}{{{b}}}$", "delimiters"), (rf"x = {sign}\frac{{{a}}}{{{b}}}", "named"),
        (rf"\frac{{{sign}{a}}}{{{b}}}", "sign inside"), (f"{sign}({a})/({b})", "brackets"), (rf"{sign}\frac {{{a}}} {{{b}}}", "spaces"),
        (rf"\left({sign}\frac{{{a}}}{{{b}}}\right)", "brackets"), (rf"{sign}{{\frac{{{a}}}{{{b}}}}}", "braces"),
    ]:  # fmt: skip
        yield answer, kind, True
    exact = decimal(value)
    if exact:
        yield exact, "decimal", True
        yield exact + "0", "decimal", True
        yield (decimal(value * 100) or "") + "\\%", "percent", True
        yield (decimal(value * 10) or "") + "\\%", "percent off by ten", False
        yield exact + "\\%", "percent sign", False
        yield decimal(value * 100) or "", "percent without sign", False
    else:
        yield f"{float(value):.2f}", "rounded", False
        yield f"{float(value):.3f}", "rounded", False
        yield rf"\approx {float(value):.2f}", "rounded", False
    if a > b > 1:
        whole, rest = divmod(a, b)
        yield rf"{sign}{whole}\frac{{{rest}}}{{{b}}}", "mixed", True
        yield f"{sign}{whole} {rest}/{b}", "mixed", True
        yield rf"{sign}{whole}\frac{{{rest + b}}}{{{b * 3}}}", "mixed", False
    misses = [
        (number(-value), "sign"), (rf"{sign}\frac{{{a + 1}}}{{{b}}}", "off by one"), (rf"{sign}\frac{{{a}}}{{{b + 1}}}", "off by one"),
        (rf"{sign}\frac{{{a}}}{{{b * 10}}}", "magnitude"), (f"{a}, {b}", "two answers"), (f"{sign}{a}", "top only"),
        (rf"{number(value)} \text{{ or }} {number(value + 1)}", "hedge"), (number(value + 1), "one more"),
        (rf"{sign}\frac{{{a}}}{{{b}}}x", "factor"), (rf"\sqrt{{\frac{{{a * a}}}{{{b}}}}}", "root"), (f"{a}:{b + a}", "ratio"),
        (rf"{sign}{k}\frac{{{a}}}{{{b + a}}}", "mixed"), (rf"[0, {number(abs(value))}]", "range"),
    ]  # fmt: skip
    if abs(value) != 1:
        misses += [
            (rf"{sign}\frac{{{b}}}{{{a}}}", "inverted"),
            (f"{sign}{b}/{a}", "inverted"),
            (number(1 - value), "complement"),
        ]
    if abs(value) == Fraction(1, 2):
        misses = [miss for miss in misses if miss[1] != "complement"]
    for answer, kind in misses:
        yield answer, kind, False


def decimals(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    if not re.fullmatch(r"-?\d*\.\d+", gold):
        return
    value, places = Fraction(gold), len(gold.partition(".")[2])
    plain = decimal(value) or gold
    for answer, kind in [
        (plain + ("0" if "." in plain else ".0"), "trailing zero"), (number(value), "fraction"), (f"${gold}$", "delimiters"),
        (plain.replace("0.", ".", 1) if plain.startswith("0.") else plain, "leading zero"), (f"x={gold}", "named"),
        (f"{value.numerator * 3}/{value.denominator * 3}", "unreduced"), (rf"{(decimal(value * 100) or '')}\%", "percent"),
    ]:  # fmt: skip
        yield answer, kind, True
    step = Fraction(1, 10**places)
    for answer, kind in [
        (decimal(value + step), "last digit"), (decimal(value - step), "last digit"), (decimal(value * 10), "magnitude"),
        (decimal(value / 10), "magnitude"), (decimal(-value), "sign"), (f"{gold}\\%", "percent sign"),
        (gold.replace(".", ""), "point lost"), (gold.replace(".", ":"), "ratio"), (f"{gold} or {decimal(value + 1)}", "hedge"),
        (str(int(value)), "rounded"), (f"{gold}, {decimal(value + 1)}", "two answers"),
    ]:  # fmt: skip
        yield answer or "", kind, False


def percents(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"([\d.]+)\\%", gold)
    if match is None:
        return
    n = Fraction(match[1])
    for answer, kind in [
        (f"{match[1]}%", "bare sign"), (rf"{match[1]} \%", "spaces"), (rf"{match[1]}\text{{ percent}}", "word"),
        (f"{match[1]} percent", "word"), (decimal(n / 100), "ratio"), (number(n / 100), "ratio"), (f"${match[1]}\\%$", "delimiters"),
        (rf"x = {match[1]}\%", "named"), (rf"{match[1]}.0\%" if "." not in match[1] else rf"{match[1]}0\%", "trailing zero"),
    ]:  # fmt: skip
        yield answer or "", kind, True
    for answer, kind in [
        (rf"{decimal(n / 10)}\%", "magnitude"), (rf"{decimal(n * 10)}\%", "magnitude"), (rf"{decimal(n / 100)}\%", "percent of ratio"),
        (rf"{n + 1}\%", "off by one"), (rf"{200 - n}\%", "complement" if n != 100 else ""), (rf"-{match[1]}\%", "sign"),
        (rf"{match[1]}\% \text{{ or }} {n + 10}\%", "hedge"), (decimal(n / 1000) or "", "ratio off by ten"),
    ]:  # fmt: skip
        if kind:
            yield answer, kind, False


def money(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"(-?)\\\$\s*([\d,.\\!]+)", gold)
    if match is None:
        return
    plain = match[1] + match[2].replace(",", "").replace("\\!", "")
    n = Fraction(plain)
    for answer, kind in [
        (plain, "no sign"), (rf"\${plain}" if n > 0 else rf"-\${plain[1:]}", "no separators"), (f"{plain} dollars", "word"),
        (rf"{plain}\text{{ dollars}}", "word"), (f"${gold}$", "delimiters"), (f"{plain} USD", "word"), (f"{n * 100} cents", "cents"),
        (f"{float(n):,.2f} dollars", "places"), (rf"x = {gold}", "named"),
    ]:  # fmt: skip
        yield answer, kind, True
    for answer, kind in [
        (f"{plain} cents", "cents"), (rf"\${decimal(n * 10)}", "magnitude"), (rf"\${decimal(n + 1)}", "off by one"),
        (rf"\${decimal(-n)}", "sign"), (rf"{decimal(n / 10)} dollars", "magnitude"), (rf"{gold} \text{{ or }} \${decimal(n + 5)}", "hedge"),
        (rf"{plain}\%", "percent sign"), (rf"{plain} kg", "other unit"),
    ]:  # fmt: skip
        yield answer, kind, False


def degrees(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"(-?\d+)(?:\^\{?\\circ\}?|\\text\{ ?degrees\})", gold)
    if match is None:
        return
    n = int(match[1])
    for answer, kind in [
        (str(n), "no unit"), (f"{n}°", "sign"), (f"{n} degrees", "word"), (rf"{n}^{{\circ}}", "braces"), (rf"{n}\degree", "command"),
        (rf"{n}\text{{ degrees}}", "word"), (f"${n}^\\circ$", "delimiters"), (rf"{n}.0^\circ", "trailing zero"), (rf"\angle A = {n}^\circ", "named"),
    ]:  # fmt: skip
        yield answer, kind, True
    for answer, kind in [
        (rf"{180 - n}^\circ", "supplement" if n != 90 else ""), (rf"{n + 1}^\circ", "off by one"), (f"{n * 10}", "magnitude"),
        (f"{n} cm", "other unit"), (rf"{-n}^\circ", "sign"), (rf"{n}^\circ, {n + 30}^\circ", "two answers"), (rf"{n}\pi", "factor"),
        (rf"{n}^\circ \text{{ or }} {180 + n}^\circ", "hedge"), (rf"{2 * n}^\circ", "doubled"), (rf"{n}\%", "percent sign"),
    ]:  # fmt: skip
        if kind:
            yield answer, kind, False


CONVERSIONS = {
    "cm^2": ("m^2", 10000), "ft": ("in", Fraction(1, 12)), "feet": ("yards", 3), "inches": ("ft", 12), "meters": ("cm", Fraction(1, 100)),
    "km": ("m", Fraction(1, 1000)), "m^3": ("cm^3", Fraction(1, 10**6)), "minutes": ("seconds", Fraction(1, 60)), "hours": ("minutes", Fraction(1, 60)),
    "gm": ("kg", 1000), "dollars": ("cents", Fraction(1, 100)), "miles": ("feet", Fraction(1, 5280)), "cm": ("mm", Fraction(1, 10)),
}  # fmt: skip


def units(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"([\d.]+)\s*(?:\\,)?\s*\\(?:text|mbox)\s*\{\s*([A-Za-z][A-Za-z ]*?)\.?\s*\}(\^[23])?", gold)
    if match is None or match[2] in ("a.m", "degrees"):
        return
    n, unit = match[1], match[2] + (match[3] or "")
    for answer, kind in [
        (n, "no unit"), (rf"{n}\text{{ {match[2]}}}{match[3] or ''}", "text"), (rf"{n} \, \mathrm{{{match[2]}}}{match[3] or ''}", "mathrm"),
        (f"x = {n}", "named"), (f"${n}$", "delimiters"), (f"{n}.0", "trailing zero") if "." not in n else (f"{n}0", "trailing zero"),
    ]:  # fmt: skip
        yield answer, kind, True
    value = Fraction(n)
    for answer, kind in [
        (decimal(value + 1) or "", "off by one"), (rf"{decimal(value * 10)}\text{{ {unit}}}", "magnitude"), (rf"-{gold}", "sign"),
        (rf"{n}\%", "percent sign"), (rf"{n} \text{{ or }} {decimal(value + 2)}", "hedge"), (rf"{decimal(value / 10)}", "magnitude"),
    ]:  # fmt: skip
        yield answer, kind, False
    if unit in CONVERSIONS:
        other, factor = CONVERSIONS[unit]
        converted = decimal(value / factor)
        yield f"{n} {other}", "unit without factor", False
        if converted:
            yield f"{converted} {other}", "converted", True
            yield f"{decimal(value / factor * 10)} {other}", "converted wrongly", False
            yield converted, "factor without unit", False


ROOT_TERM = re.compile(r"(-?\d*)\s*\\sqrt\s*\{?(\d+)\}?")


def roots(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = ROOT_TERM.fullmatch(gold)
    if match is None:
        return
    a = int(match[1] + "1" if match[1] in ("", "-") else match[1])
    b, k = int(match[2]), rng.randint(2, 4)
    sign = "-" if a < 0 else ""
    for answer, kind in [
        (rf"{sign}\sqrt{{{a * a * b}}}", "inside"), (rf"{a}\cdot\sqrt{{{b}}}", "dot"), (f"{a}*sqrt({b})", "plain"), (rf"\sqrt{{{b}}} \times {a}", "order"),
        (f"{a}√{b}", "unicode"), (rf"\frac{{{a * k}\sqrt{{{b}}}}}{{{k}}}", "unreduced"), (rf"{a} \sqrt {{{b}}}", "spaces"), (rf"x = {gold}", "named"),
        (rf"{a}({b})^{{1/2}}", "power"), (rf"\frac{{{a * b}}}{{\sqrt{{{b}}}}}", "denominator"),
    ]:  # fmt: skip
        yield answer, kind, True
    for answer, kind in [
        (rf"{a}\sqrt{{{b + 1}}}", "off by one"), (rf"{a + 1 or 2}\sqrt{{{b}}}", "off by one"), (rf"{-a}\sqrt{{{b}}}", "sign"), (str(a * b), "root lost"),
        (f"{a * b**0.5:.2f}", "rounded"), (rf"{b}\sqrt{{{abs(a) + 1}}}" if abs(a) + 1 != b else "0", "swapped"), (rf"\pm {gold.lstrip('-')}", "two answers"),
        (rf"\sqrt[3]{{{abs(a) * b + 1}}}", "cube root"), (rf"{a}\sqrt{{{b}}} + 1", "term"), (rf"{a * 10}\sqrt{{{b}}}", "magnitude"),
        (rf"{gold} \text{{ or }} {a + 9}\sqrt{{{b}}}", "hedge"), (rf"\frac{{\sqrt{{{b}}}}}{{{abs(a) + 1}}}", "divided"),
    ]:  # fmt: skip
        yield answer, kind, False


PI_TERM = re.compile(r"(\d+)\s*\\pi")


def circles(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = PI_TERM.fullmatch(gold)
    if match is None:
        return
    n, k = int(match[1]), rng.randint(2, 5)
    for answer, kind in [
        (f"{n}π", "unicode"), (f"{n}*pi", "plain"), (rf"\pi \cdot {n}", "order"), (rf"\frac{{{n * k}\pi}}{{{k}}}", "unreduced"),
        (rf"{n} \, \pi", "spaces"), (rf"${n}\pi$", "delimiters"), (rf"A = {n}\pi", "named"), (rf"{n}.0\pi", "trailing zero"),
    ]:  # fmt: skip
        yield answer, kind, True
    for answer, kind in [
        (str(n), "pi lost"), (rf"{n + 1}\pi", "off by one"), (f"{n * 3.14:.2f}", "rounded"), (rf"{n}\pi^2", "power"), (rf"\frac{{{n}\pi}}{{2}}", "halved"),
        (rf"-{n}\pi", "sign"), (rf"\frac{{{n}}}{{\pi}}", "divided"), (rf"{n}\pi \text{{ or }} {2 * n}\pi", "hedge"), (rf"{n * 10}\pi", "magnitude"),
    ]:  # fmt: skip
        yield answer, kind, False


def complexes(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"(-?\d+)\s*([-+])\s*(\d+)i", gold)
    if match is None:
        return
    a, sign, b = match.groups()
    turned = {"+": "-", "-": "+"}[sign]
    for answer, kind in [
        (f"{'-' if sign == '-' else ''}{b}i {'-' if a[0] == '-' else '+'} {a.lstrip('-')}", "order"), (f"{a}{sign}{b}i", "spaces"), (f"{a} {sign} {b} i", "spaces"),
        (rf"{a} {sign} {b}\cdot i", "dot"), (f"z = {gold}", "named"), (f"${gold}$", "delimiters"), (rf"{a} {sign} i\cdot {b}", "order"),
    ]:  # fmt: skip
        yield answer, kind, True
    for answer, kind in [
        (f"{a} {turned} {b}i", "conjugate"), (f"{a} {sign} {int(b) + 1}i", "off by one"), (f"{a} {sign} {b}", "i lost"), (f"{int(a) + 1} {sign} {b}i", "off by one"),
        (f"{a} {sign} {b}j", "other letter"), (f"({a}, {sign.replace('+', '')}{b})", "point"), (f"{b} {sign} {a}i" if a.lstrip("-") != b else "0", "swapped"),
    ]:  # fmt: skip
        yield answer, kind, False


def value_of(text: str) -> Fraction | None:
    """The value of a whole number, a decimal or a simple fraction."""
    match = FRACTION.fullmatch(text)
    if match:
        return Fraction(int(match[1] + (match[2] or match[3])), int(match[4] or match[5]))
    return Fraction(text) if re.fullmatch(r"-?\d+(?:\.\d+)?|-?\d+/\d+", text) else None


def split_parts(text: str) -> list[str] | None:
    """The parts of a list of simple numbers."""
    parts = [part.strip() for part in text.split(",")]
    return parts if len(parts) > 1 and all(value_of(part) is not None for part in parts) else None


def changed(parts: list[str], rng: random.Random) -> list[str]:
    """One part replaced by its neighbour."""
    at = rng.randrange(len(parts))
    moved = (value_of(parts[at]) or Fraction(0)) + 1
    return [*parts[:at], number(moved), *parts[at + 1 :]]


def respelled(parts: list[str]) -> list[str]:
    """Fractions as decimals where they are finite, and decimals as fractions."""
    values = [value_of(part) or Fraction(0) for part in parts]
    return [(decimal(v) or number(v)) if "frac" in part else number(v) for v, part in zip(values, parts, strict=True)]


def points(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"(?:\\left)?\s*\((.*?)(?:\\right)?\)", gold)
    parts = split_parts(match[1]) if match else None
    if not parts:
        return
    for answer, kind in [
        (f"({','.join(parts)})", "spaces"), (rf"\left( {', '.join(parts)} \right)", "left"), (f"$({', '.join(parts)})$", "delimiters"),
        (r"\bigl(" + r",\ ".join(parts) + r"\bigr)", "big"), (f"({', '.join(respelled(parts))})", "respelled"), (f"({';'.join(parts)})", "semicolons"),
        (f"({', '.join(part + '.0' if part.lstrip('-').isdigit() else part for part in parts)})", "trailing zero"), (f"(x, y) = ({', '.join(parts)})" if len(parts) == 2 else f"({', '.join(parts)})", "named"),
    ]:  # fmt: skip
        yield answer, kind, True
    negated = [number(-(value_of(parts[0]) or Fraction(0))), *parts[1:]]
    for answer, kind in [
        (f"({', '.join(changed(parts, rng))})", "one part off"), (f"({', '.join(parts[:-1])})" if len(parts) > 2 else parts[0], "part missing"),
        (f"({', '.join([*parts, '0'])})", "part more"), (f"({', '.join(parts)}) \\text{{ or }} ({', '.join(changed(parts, rng))})", "hedge"),
        (f"({', '.join(changed(parts, rng))})", "one part off"), (parts[-1], "one part only"), (f"[{', '.join(parts)})", "half open"),
    ]:  # fmt: skip
        yield answer, kind, False
    if [value_of(p) for p in parts] != [value_of(p) for p in parts[::-1]]:
        yield f"({', '.join(parts[::-1])})", "swapped", False
        yield f"({','.join(parts[::-1])})", "swapped", False
    if value_of(parts[0]):
        yield f"({', '.join(negated)})", "sign", False


def lists(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    parts = split_parts(gold)
    if not parts or re.fullmatch(r"\d{1,3}(,\d{3})+", gold):
        return
    mixed = parts[1:] + parts[:1]
    for answer, kind in [
        (", ".join(mixed), "order"), (",".join(parts[::-1]), "order"), (" and ".join([", ".join(parts[:-1]), parts[-1]]), "and"), (rf"\{{{', '.join(parts)}\}}", "set"),
        (rf"\left\{{{', '.join(mixed)}\right\}}", "set"), (", ".join(f"x = {part}" for part in parts), "named"), (f"x = {', '.join(parts)}", "named"),
        (r" \text{ and } ".join(parts), "and"), (", ".join(respelled(parts)), "respelled"), (f"${'$, $'.join(parts)}$", "delimiters"), (r" \text{ or } ".join(f"x={part}" for part in parts), "or"),
    ]:  # fmt: skip
        yield answer, kind, True
    for answer, kind in [
        (", ".join(parts[:-1]), "missing"), (", ".join(parts[1:]), "missing"), (", ".join([*parts, number(max(value_of(p) or Fraction(0) for p in parts) + 1)]), "one more"),
        (", ".join(changed(parts, rng)), "one off"), (rf"\{{{', '.join(changed(mixed, rng))}\}}", "one off"),
        (parts[0], "one only"), (f"[{parts[0]}, {parts[-1]}]" if (value_of(parts[0]) or 0) < (value_of(parts[-1]) or 0) else "", "interval"),
    ]:  # fmt: skip
        if (
            sorted(value_of(p) or 0 for p in split_parts(answer.strip("\\{}")) or [])
            != sorted(value_of(p) or 0 for p in parts)
            or kind == "interval"
        ):
            yield answer, kind, False


END = r"\s*(-?\\infty|-?\d+(?:\.\d+)?|-?\\[dt]?frac\s*(?:\{\d+\}|\d)\s*(?:\{\d+\}|\d))\s*"
INTERVAL = re.compile(rf"(?:\\left)?([(\[]){END},{END}(?:\\right)?([)\]])")


def intervals(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    pieces = [INTERVAL.fullmatch(piece.strip()) for piece in gold.split("\\cup")]
    open_pair = len(pieces) == 1 and pieces[0] and pieces[0][1] + pieces[0][4] == "()" and "infty" not in gold
    if not all(pieces) or open_pair:  # an open interval, or a point?
        return
    parts = [match.groups() for match in pieces if match]

    def show(rows: list[Any], cup: str = r" \cup ", gap: str = ", ") -> str:
        return cup.join(f"{a}{b.strip()}{gap}{c.strip()}{d}" for a, b, c, d in rows)

    yield show(parts, gap=","), "spaces", True
    yield show(parts, " ∪ ").replace(r"\infty", "∞"), "unicode", True
    yield re.sub(r"([(\[])", r"\\left\1", re.sub(r"([)\]])", r"\\right\1", show(parts))), "left", True
    yield f"${show(parts)}$", "delimiters", True
    yield rf"x \in {show(parts)}", "named", True
    if len(parts) > 1:
        yield show(parts[::-1]), "order", True
        yield show(parts[1:]), "part missing", False
        yield show(parts[:-1]), "part missing", False
        yield show(parts, ", "), "listed", False
    flipped = {"(": "[", "[": "(", ")": "]", "]": ")"}
    for at, (a, b, c, d) in enumerate(parts):
        if "infty" not in b:
            yield show([*parts[:at], (flipped[a], b, c, d), *parts[at + 1 :]]), "open or closed", False
            yield (
                show([*parts[:at], (a, number((value_of(b.strip()) or Fraction(0)) - 1), c, d), *parts[at + 1 :]]),
                "end off by one",
                False,
            )
            yield show([*parts[:at], ("(", r"-\infty", c, d), *parts[at + 1 :]]), "end lost", False
        if "infty" not in c:
            yield show([*parts[:at], (a, b, c, flipped[d]), *parts[at + 1 :]]), "open or closed", False
            yield (
                show([*parts[:at], (a, b, number((value_of(c.strip()) or Fraction(0)) + 1), d), *parts[at + 1 :]]),
                "end off by one",
                False,
            )
    ends = [end.strip() for _, b, c, _ in parts for end in (b, c) if "infty" not in end]
    yield ", ".join(ends) if len(ends) > 1 else ends[0] if ends else "0", "ends only", False


TERM = re.compile(r"\s*([-+]?)\s*(\d*)\s*([a-z](?:\^\{?\d+\}?)?)?")


def polynomials(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    if (
        not re.fullmatch(r"[-+\s\da-z^{}]+", gold)
        or not re.search(r"[+-]", gold[1:])
        or len(set(re.findall(r"[a-z]", gold))) != 1
        or "i" in gold
    ):
        return
    terms = [match.groups() for match in TERM.finditer(gold) if match[0].strip()]
    if "".join("".join(part or "" for part in term) for term in terms) != gold.replace(" ", "") or len(terms) < 2:
        return
    terms = [(sign or "+", count, power or "") for sign, count, power in terms]
    letter = re.findall(r"[a-z]", gold)[0]

    def show(rows: list[Any], dot: str = "") -> str:
        text = " ".join(f"{sign} {count}{dot if count and power else ''}{power}" for sign, count, power in rows)
        return re.sub(r"^\+ |^(-) ", r"\1", text)

    for answer, kind in [
        (show(terms[::-1]), "order"), (show(terms[1:] + terms[:1]), "order"), (show(terms, "*"), "star"), (show(terms, r" \cdot "), "dot"), (f"${gold}$", "delimiters"),
        (gold.replace(" ", ""), "spaces"), (f"({gold})", "brackets"), (rf"\left({show(terms[::-1])}\right)", "brackets"), (f"y = {gold}" if letter != "y" else gold, "named"),
        (re.sub(r"\^(\d)(?!\d)", r"^{\1}", gold), "braces"), (f"-({show([({'+': '-', '-': '+'}[s], c, p) for s, c, p in terms])})", "sign outside"),
    ]:  # fmt: skip
        yield answer, kind, True
    at = rng.randrange(len(terms))
    sign, count, power = terms[at]
    other = "t" if letter != "t" else "x"
    for answer, kind in [
        (show([*terms[:at], ({"+": "-", "-": "+"}[sign], count, power), *terms[at + 1 :]]), "sign"), (show([*terms[:at], (sign, str(int(count or 1) + 1), power), *terms[at + 1 :]]), "coefficient"),
        (show(terms[:at] + terms[at + 1 :]), "term missing"), (gold.replace(letter, other), "other letter"), (f"{gold} + 1", "term more"), (f"{letter}({gold})", "factor"),
        (f"{gold} = 1", "equation"), (f"{gold} \\text{{ or }} {gold} + 1", "hedge"), (f"-({gold})", "negated"),
    ]:  # fmt: skip
        yield answer, kind, False


MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", re.DOTALL)


def matrices(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = MATRIX.fullmatch(gold)
    rows = (
        [[re.sub(r"- (\d)", r"-\1", cell.strip()) for cell in row.split("&")] for row in match[1].split("\\\\")]
        if match
        else []
    )
    if not rows or any(value_of(cell) is None for row in rows for cell in row):
        return

    def show(rows: list[list[str]], kind: str = "pmatrix", gap: str = " ") -> str:
        body = rf"{gap}\\{gap}".join(f"{gap}&{gap}".join(row) for row in rows)
        return rf"\begin{{{kind}}}{gap}{body}{gap}\end{{{kind}}}"

    latexed = [[number(value_of(cell) or Fraction(0)) for cell in row] for row in rows]
    yield show(rows, "bmatrix"), "brackets", True
    yield show(rows, gap=""), "spaces", True
    yield f"$${show(latexed)}$$", "delimiters", True
    yield show(latexed, "bmatrix"), "fractions", True
    columns = "c" * len(rows[0])
    yield r"\left[" + show(rows, "array").replace("{array}", f"{{array}}{{{columns}}}", 1) + r"\right]", "array", True
    yield rf"\mathbf{{M}} = {show(rows)}", "named", True
    cell = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    bumped = [
        [number((value_of(c) or Fraction(0)) + ((y, x) == cell)) for x, c in enumerate(row)]
        for y, row in enumerate(rows)
    ]
    yield show(bumped), "one entry off", False
    yield show(bumped, "bmatrix"), "one entry off", False
    yield (
        show([[number(-(value_of(c) or Fraction(0))) for c in row] for row in rows]),
        "sign",
        not any(value_of(c) for row in rows for c in row),
    )
    turned = [list(column) for column in zip(*rows, strict=True)]
    if (
        len(rows) > 1
        and len(rows[0]) > 1
        and [[value_of(c) for c in row] for row in turned] != [[value_of(c) for c in row] for row in rows]
    ):
        yield show(turned), "transposed", False
    if [[value_of(c) for c in row] for row in rows[::-1]] != [[value_of(c) for c in row] for row in rows]:
        yield show(rows[::-1]), "rows swapped", False
    yield show(rows[:-1]) if len(rows) > 1 else "0", "row missing", False


def numerals(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"(\d+)_\{?(\d+)\}?", gold)
    if match is None:
        return
    digits, base = match[1], int(match[2])
    for answer, kind in [
        (f"{digits}_{{{base}}}", "braces"), (f"{digits}_{base}", "no braces") if base < 10 else (f"{digits}_{{{base}}}", "braces"), (f"${gold}$", "delimiters"), (f"({digits})_{{{base}}}", "brackets"), (f"N = {gold}", "named"),
    ]:  # fmt: skip
        yield answer, kind, True
    more = str((int(digits[-1]) + 1) % base)
    for answer, kind in [
        (f"{digits}_{{{base + 1}}}", "base"), (f"{digits[:-1]}{more}_{{{base}}}", "last digit"), (str(int(digits, base)) if int(digits) >= base else "", "in base ten"), (f"{digits}0_{{{base}}}", "magnitude"), (f"-{digits}_{{{base}}}", "sign"),
    ]:  # fmt: skip
        yield answer, kind, False


def words(gold: str, rng: random.Random) -> Iterator[Rewriting]:
    match = re.fullmatch(r"\(?\\(?:text|mbox)\{\(?([A-Za-z]+)\)?\}\)?", gold)
    if match is None:
        return
    word = match[1]
    if len(word) == 1:
        others = [letter for letter in "ABCDEF" if letter != word]
        for answer, kind in [
            (word, "bare"),
            (f"({word})", "brackets"),
            (rf"\text{{{word}}}", "text"),
            (rf"\textbf{{({word})}}", "bold"),
            (f"{word}.", "full stop"),
            (f"${word}$", "delimiters"),
        ]:
            yield answer, kind, True
        for answer, kind in [
            (others[0], "other choice"),
            (f"({others[1]})", "other choice"),
            (f"{word}, {others[0]}", "two choices"),
            (f"{word} or {others[2]}", "hedge"),
            ("A, B, C, D, E", "all choices"),
        ]:
            yield answer, kind, False
        return
    days = [
        "Monday",
        "Tuesday",
        "Thursday",
        "Sunday",
        "even",
        "odd",
        "neither",
        "ellipse",
        "circle",
        "parabola",
        "Dana",
        "Evan",
    ]
    others = [other for other in rng.sample(days, 4) if other.casefold() != word.casefold()]
    for answer, kind in [
        (word, "bare"),
        (word.lower(), "case"),
        (rf"\text{{{word}}}", "text"),
        (rf"\mathrm{{{word}}}", "mathrm"),
        (f"{word}.", "full stop"),
        (rf"\textbf{{ {word} }}", "bold"),
    ]:
        yield answer, kind, True
    for answer, kind in [
        (others[0], "other word"),
        (rf"\text{{{others[1]}}}", "other word"),
        (f"{word} or {others[0]}", "hedge"),
        (f"not {word}", "negated"),
        (word[:-1], "cut short"),
    ]:
        yield answer, kind, False


FAMILIES: dict[Callable[[str, random.Random], Iterator[Rewriting]], tuple[int, int]] = {
    integers: (3, 4), fractions: (3, 4), decimals: (3, 4), percents: (3, 4), money: (4, 5), degrees: (2, 3), units: (2, 3), roots: (2, 3), circles: (2, 3), complexes: (3, 4),
    points: (2, 3), lists: (4, 5), intervals: (2, 4), polynomials: (3, 4), matrices: (3, 3), numerals: (3, 4), words: (2, 2),
}  # fmt: skip
"""For each family of golds, how many equal spellings and how many near misses one gold gives."""
MAX_GOLDS = 40
"""Golds of one family, so that no family outweighs the others."""


def rewrite(gold: str) -> Iterator[dict[str, Any]]:
    """Rows of one gold, drawn from its family."""
    seed = hashlib.sha256(gold.encode()).hexdigest()
    rng = random.Random(seed)
    for family, counts in FAMILIES.items():
        made = {answer: (kind, same) for answer, kind, same in family(gold, rng) if answer and answer != gold}
        for same, count in zip((True, False), counts, strict=True):
            rows = [(answer, kind) for answer, (kind, equal) in made.items() if equal == same]
            for answer, kind in rng.sample(rows, min(count, len(rows))):
                yield {
                    "gold": gold, "answer": answer, "same": same, "kind": f"{family.__name__}: {kind}", "split": split(gold), "by": "rule",
                }  # fmt: skip


def split(gold: str) -> str:
    """Half of all golds are for tuning, by what they look like without spaces."""
    bare = re.sub(r"[\s{}\\]|text|left|right|frac|[dt]frac", "", gold)
    return "dev" if int(hashlib.sha256(bare.encode()).hexdigest(), 16) % 2 else "test"


def some(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the first MAX_GOLDS golds of each family."""
    golds: dict[str, set[str]] = {}
    kept = []
    for row in rows:
        chosen = golds.setdefault(row["kind"].partition(":")[0], set())
        if row["gold"] in chosen or len(chosen) < MAX_GOLDS:
            chosen.add(row["gold"])
            kept.append(row)
    return sorted(kept, key=lambda row: row["kind"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path, help="the folder that holds gsm8k/, math/ and aime24/")
    options = parser.parse_args()
    old = [json.loads(line) for line in PAIRS.read_text().splitlines()] if PAIRS.exists() else []
    hand = [row | {"split": split(row["gold"])} for row in old if row["by"] == "hand"]
    drawn = golds(options.data, random.Random(0))
    random.Random(1).shuffle(drawn)
    rows = some(row for gold in dict.fromkeys(drawn) for row in rewrite(gold))
    seen: set[tuple[str, str]] = set()
    fresh = [row for row in [*hand, *rows] if (key := (row["gold"], row["answer"])) not in seen and not seen.add(key)]  # type: ignore[func-returns-value]
    PAIRS.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in fresh))
    print(f"{len(hand)} rows by hand, {len(fresh) - len(hand)} by rule")


if __name__ == "__main__":
    main()
