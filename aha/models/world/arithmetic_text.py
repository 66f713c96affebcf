"""Plain arithmetic in the base model's reading: sums, chains, and checks against a target."""

from __future__ import annotations

import random
from dataclasses import dataclass

from aha.chat import END, render
from aha.models.world.countdown_text import NEAR, WORDS, Term, combine, operations


def pair(rng: random.Random) -> tuple[Term, Term, str]:
    """Two numbers and an operation. Small products and exact divisions come as often as sums."""
    op = rng.choice("++---*/")
    if op == "*":
        a = rng.randint(1, 99)
        b = rng.randint(1, max(1, min(99, (999 if rng.random() < 0.1 else 200) // a)))
    elif op == "/":
        b = rng.randint(1, 20)
        a = b * rng.randint(1, max(1, 200 // b))
    else:
        a = rng.randint(1, 999) if rng.random() < 0.1 else rng.randint(1, 200)
        b = rng.randint(1, 99)
    first, second = (a, b) if a >= b else (b, a)
    return Term(first, str(first)), Term(second, str(second)), op


def equation(rng: random.Random) -> str:
    """`47 + 38 = 85`"""
    a, b, op = pair(rng)
    return f"{a.value} {op} {b.value} = {combine(a, b, op).value}"


def equations_text(rng: random.Random) -> str:
    """A list of equations, one a line."""
    return "\n".join(equation(rng) for _ in range(rng.randint(4, 14))) + END + "\n"


def checks_text(rng: random.Random) -> str:
    """Chains held against a target, right about three times in ten."""
    language = rng.choice(("en", "en", "zh"))
    target = rng.randint(10, 100)
    lines = [f"target {target}\n" if language == "en" else f"目标 {target}\n"]
    for _ in range(rng.randint(4, 10)):
        a = Term(rng.randint(1, 150), "")
        if rng.random() < 0.3 and a.value != target:
            op, b = ("+", target - a.value) if target > a.value else ("-", a.value - target)
            big, small = max(a.value, b), min(a.value, b)
            line, value = (f"{big} + {small}" if op == "+" else f"{a.value} - {b}"), target
        else:
            b = rng.randint(1, 99)
            big, small = max(a.value, b), min(a.value, b)
            op = rng.choice(operations(Term(big, ""), Term(small, "")))
            value = combine(Term(big, ""), Term(small, ""), op).value
            line = f"{big} {op} {small}"
        verdict = rng.choice(WORDS[language]["yes" if value == target else "no"])
        lines.append(f"{line} = {value}{verdict}\n")
    return "".join(lines) + END + "\n"


def reaching(rng: random.Random, value: int) -> str:
    """An operation on two numbers whose result is `value`, as text up to the equals sign."""
    op = rng.choice("+-*/")
    factors = [n for n in range(1, value + 1) if value % n == 0 and n < 100]
    if op == "+" and value > 1:
        b = rng.randint(1, value // 2)
        return f"{value - b} + {b}"
    if op == "*":
        b = rng.choice(factors)
        return f"{max(b, value // b)} * {min(b, value // b)}"
    if op == "/":
        b = rng.randint(1, max(1, 200 // value))
        return f"{value * b} / {b}"
    b = rng.randint(1, 99)
    return f"{value + b} - {b}"


def divisions_text(rng: random.Random) -> str:
    """Divisions, one a line, about half of which leave a remainder and therefore fail."""
    language = rng.choice(("en", "en", "zh"))
    lines = []
    for _ in range(rng.randint(6, 16)):
        b = rng.randint(2, 99) if rng.random() < 0.5 else rng.randint(2, 20)
        times = rng.randint(1, max(1, 199 // b))
        if rng.random() < 0.5:
            lines.append(f"{b * times} / {b} = {times}\n")
        else:
            lines.append(f"{b * times + rng.randint(1, b - 1)} / {b}" + rng.choice(WORDS[language]["no"]) + "\n")
    return "".join(lines) + END + "\n"


def drill_text(rng: random.Random) -> str:
    """All four operations, held against a target that many results narrowly miss; divisions may fail."""
    language = rng.choice(("en", "en", "zh"))
    target = rng.randint(10, 100)
    lines = [f"target {target}\n" if language == "en" else f"目标 {target}\n"]
    for _ in range(rng.randint(4, 10)):
        kind = rng.random()
        value = target if kind < 0.25 else max(1, target + rng.choice(NEAR)) if kind < 0.6 else rng.randint(1, 200)
        sum_ = f"{reaching(rng, value)} = {value}"
        if kind > 0.9:
            a, b = rng.randint(2, 99), rng.randint(2, 99)
            a, b, value = max(a, b), min(a, b), a * b
            b, value = (b, value) if value < 1000 else (999 // a, a * (999 // a))
            sum_ = f"{a} * {b} = {value}"
        elif kind > 0.8:
            b = rng.randint(2, 99)
            a, value = b * rng.randint(1, max(1, 199 // b)) + rng.randint(1, b - 1), 0
            sum_ = f"{a} / {b}"
        lines.append(sum_ + rng.choice(WORDS[language]["yes" if value == target else "no"]) + "\n")
    return "".join(lines) + END + "\n"


CHAIN_QUESTIONS = {
    "en": ("What is {chain}?", "Compute {chain}."),
    "zh": ("{chain} 等于多少？", "计算 {chain}。"),
}


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of sums: what is asked, its steps worked one a line, and its value. No value on the way is below 1.

    >>> Chain("12 + 30 - 7", ("12 + 30 = 42", "42 - 7 = 35"), 35)
    """

    asked: str
    steps: tuple[str, ...]
    value: int


def chain(rng: random.Random, fewest: int, most: int) -> Chain:
    """A chain of `fewest` to `most` additions and subtractions of numbers from 1 to 99."""
    value, steps = rng.randint(1, 99), []
    asked = str(value)
    for _ in range(rng.randint(fewest, most)):
        op = rng.choice("+-") if value > 1 else "+"
        b = rng.randint(1, min(value - 1, 99)) if op == "-" else rng.randint(1, 99)
        made = value + b if op == "+" else value - b
        steps.append(f"{value} {op} {b} = {made}")
        asked, value = f"{asked} {op} {b}", made
    return Chain(asked, tuple(steps), value)


def chain_text(rng: random.Random, most: int = 4) -> str:
    """A question about a chain of at most `most` sums, answered step by step or at once (then often wrongly)."""
    made = chain(rng, 1, most)
    language = "zh" if rng.random() < 0.35 else "en"
    question = rng.choice(CHAIN_QUESTIONS[language]).format(chain=made.asked)
    if rng.random() < 0.5:
        thinking, answer = "\n".join(made.steps), made.value
    else:
        thinking, answer = "", made.value + (rng.randint(-9, 9) if rng.random() < 0.6 else 0)
    return render(question) + f"<think>{thinking}</think><answer>{answer}</answer>" + END + "\n"
