"""Countdown in the base model's reading: mostly immediate guesses, now and then a noisy search.

A search is a list of attempts, one a line, each ending in a verdict. It may repeat itself, doubt itself, give up and
answer wrongly anyway. How careful a writer is (how often an attempt ends near the target, and avoids repetition)
differs from text to text and is never named.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from aha.chat import END, render
from aha.split import is_held_out

LARGEST_PRODUCT = 200
"""Products stay small: almost every puzzle (98.6 % of TinyZero's three-number test rows) can be solved below this."""

QUESTIONS_EN = (
    "Using the numbers {numbers}, make {target}.",
    "Using the numbers {numbers}, make {target}.",
    "Make {target} from {numbers}.",
    "Use {numbers} to get {target}.",
    "Which expression of {numbers} equals {target}?",
)
QUESTIONS_ZH = (
    "用数字 {numbers} 算出 {target}。",
    "用数字 {numbers} 算出 {target}。",
    "用 {numbers} 得到 {target}。",
    "{numbers} 怎样算出 {target}？",
)
WORDS = {
    "en": {
        "yes": (" yes",),
        "no": (" no",) * 8 + (" wrong",),
        "doubt": ("wait, ", "hmm, ", "but ", "wait, maybe "),
        "start": ("try\n", "let me see\n", "let me try\n"),
        "check": ("check: ", "let me verify: "),
        "guess": ("maybe ", "I think ", "it is "),
        "quit": ("I give up\n", "no idea\n"),
    },
    "zh": {
        "yes": (" 对",),
        "no": (" 不对",) * 8 + (" 错误",),
        "doubt": ("等等, ", "嗯, ", "但是 ", "等等, 也许 "),
        "start": ("试\n", "让我看看\n", "我试一下\n"),
        "check": ("检查: ", "验证: "),
        "guess": ("也许 ", "我想 ", "是 "),
        "quit": ("算了\n", "不知道\n"),
    },
}


@dataclass(frozen=True, slots=True)
class Term:
    """A value on the table, and the expression that made it."""

    value: int
    text: str
    simple: bool = True

    def inner(self) -> str:
        """The expression as it stands inside a larger one."""
        return self.text if self.simple else f"({self.text})"


def combine(a: Term, b: Term, op: str) -> Term:
    """a op b as a term. The larger value comes first, so no value is negative."""
    value = {"+": a.value + b.value, "-": a.value - b.value, "*": a.value * b.value, "/": a.value // max(b.value, 1)}
    return Term(value[op], f"{a.inner()} {op} {b.inner()}", simple=False)


def operations(a: Term, b: Term) -> list[str]:
    """Which operations on a >= b give a positive whole number of the world."""
    ops = ["+"]
    if a.value > b.value:
        ops.append("-")
    if a.value * b.value <= LARGEST_PRODUCT:
        ops.append("*")
    if b.value and a.value % b.value == 0:
        ops.append("/")
    return ops


def attempt(
    rng: random.Random, numbers: list[int], target: int | None, care: float, stumble: float = 0.0
) -> tuple[list[str], Term]:
    """One random way to combine all numbers: its steps as text, and the result.

    `stumble` is how often a step is a division that leaves a remainder, which ends the attempt with no value. Writers
    who stumble divide with caution: they draw again once.
    """
    table, steps = [Term(n, str(n)) for n in numbers], list[str]()
    while len(table) > 1:
        i, j = rng.sample(range(len(table)), 2)
        a, b = table[i], table[j]
        if a.value < b.value:
            a, b = b, a
        if stumble and a.value % max(b.value, 1) and rng.random() < stumble:
            return [*steps, f"{a.value} / {b.value}"], Term(0, "")
        ops = operations(a, b)
        if target is not None and len(table) == 2 and rng.random() < care:
            op = min(ops, key=lambda op: abs(combine(a, b, op).value - target))
        else:
            op = rng.choice(ops + ["+", "-"][: len(ops)])
            if stumble and op == "/":
                op = rng.choice(ops)
        made = combine(a, b, op)
        steps.append(f"{a.value} {op} {b.value} = {made.value}")
        table = [table[k] for k in range(len(table)) if k not in (i, j)] + [made]
    return steps, table[0]


def puzzle(rng: random.Random, count: int) -> tuple[list[int], int]:
    """Numbers 1 to 99 and a target 10 to 100 that some expression reaches; never a held-out pair."""
    while True:
        numbers = [rng.randint(1, 99) for _ in range(count)]
        for _ in range(4):
            value = attempt(rng, numbers, None, 0.0)[1].value
            if 10 <= value <= 100 and not is_held_out("countdown", numbers, value):
                return numbers, value


class Writer:
    """Picks words in one language, or in both at will."""

    def __init__(self, rng: random.Random, language: str, mixed: bool) -> None:
        self.rng, self.language, self.mixed = rng, language, mixed

    def say(self, kind: str) -> str:
        language = self.rng.choice(("en", "zh")) if self.mixed else self.language
        return self.rng.choice(WORDS[language][kind])


@dataclass(frozen=True, slots=True)
class Style:
    """How a writer searches, which no text names."""

    care: float
    """How often the last step of an attempt is the one that comes nearest to the target."""
    fresh: int
    """How many attempts are thought of, to find one not written down yet."""
    stumble: float = 0.0
    """How often a step is a division that leaves a remainder."""
    keen: bool = False
    """Whether the nearest of the attempts thought of is written down, instead of the first new one."""


def next_attempt(
    rng: random.Random, style: Style, numbers: list[int], target: int, tried: set[str]
) -> tuple[list[str], Term]:
    """The attempt a writer puts down next."""
    best: tuple[list[str], Term] | None = None
    for _ in range(style.fresh):
        found = attempt(rng, numbers, target, style.care, style.stumble)
        new = found[1].text not in tried
        if new and not style.keen:
            return found
        if best is None or (new and abs(found[1].value - target) < abs(best[1].value - target)):
            best = found
    assert best is not None
    return best


def search(
    rng: random.Random, writer: Writer, numbers: list[int], target: int, patience: int, style: Style
) -> tuple[str, str]:
    """A noisy search: the thinking, and the expression it ends with, right or not."""
    lines, tried = [writer.say("start") if rng.random() < 0.3 else ""], set[str]()
    for _ in range(patience):
        steps, result = next_attempt(rng, style, numbers, target, tried)
        tried.add(result.text)
        doubt = writer.say("doubt") if rng.random() < 1 / 7 else ""
        found = result.value == target
        lines.append(doubt + ", ".join(steps) + writer.say("yes" if found else "no") + "\n")
        if found:
            if rng.random() < 0.25:
                lines.append(writer.say("check") + ", ".join(steps) + writer.say("yes") + "\n")
            return "".join(lines), result.text
    if rng.random() < 0.5:
        lines.append(writer.say("quit"))
    return "".join(lines), attempt(rng, numbers, target, 0.3)[1].text


def style(rng: random.Random, seasoned: bool) -> Style:
    """How one writer searches."""
    if seasoned and rng.random() < 0.3:
        return Style(1.0, fresh=4, stumble=0.008, keen=True)
    care = rng.choice((0.0, 0.0, 0.5, 1.0))
    return Style(care, 1 if care == 0 else 6, 0.008 if seasoned else 0.0)


def guess(rng: random.Random, writer: Writer, numbers: list[int]) -> tuple[str, str]:
    """An answer at once, without arithmetic."""
    _, result = attempt(rng, numbers, None, 0.0)
    return (writer.say("guess") + result.text if rng.random() < 0.5 else ""), result.text


NEAR = (-20, -11, -10, -9, -2, -1, -1, 1, 1, 2, 9, 10, 11, 20)
"""How far off a result is that is easily taken for the target."""


def near_miss(rng: random.Random, numbers: list[int], target: int) -> int:
    """Another target, close to what some attempt gives; perhaps out of reach."""
    near = attempt(rng, numbers, None, 0.0)[1].value + rng.choice(NEAR)
    return near if 10 <= near <= 100 and not is_held_out("countdown", numbers, near) else target


def countdown_text(rng: random.Random, think: float, seasoned: bool = False) -> str:
    """A puzzle with a reply; `think` is the share of replies that search instead of guessing.

    Seasoned writers try divisions that fail, come near the target more often, and are given targets that attempts
    narrowly miss: what a search under reinforcement meets most.
    """
    count = rng.choices((2, 3, 4), (5, 70, 25))[0]
    numbers, target = puzzle(rng, count)
    searches = seasoned and rng.random() < think
    if searches and rng.random() < 0.3:
        target = near_miss(rng, numbers, target)
    language = "zh" if rng.random() < 0.35 else "en"
    listed = ", ".join(map(str, numbers))
    question = rng.choice(QUESTIONS_ZH if language == "zh" else QUESTIONS_EN).format(numbers=listed, target=target)
    spoken = language if rng.random() < 0.7 else "zh" if language == "en" else "en"
    writer = Writer(rng, spoken, mixed=rng.random() < 0.25)
    if searches or (not seasoned and rng.random() < think):
        patience = rng.randint(1, rng.choice((2, 4, 8, 16, 28)))
        thinking, answer = search(rng, writer, numbers, target, patience, style(rng, seasoned))
    else:
        thinking, answer = guess(rng, writer, numbers)
    return render(question) + reply_text(rng, thinking, answer, target) + END + "\n"


def reply_text(rng: random.Random, thinking: str, answer: str, target: int) -> str:
    """The reply in the template, which one writer in thirty gets wrong."""
    slip = rng.random()
    if slip < 0.01:
        return f"<think>{thinking}</think>{answer}"
    if slip < 0.02:
        return f"<answer>{answer}</answer>"
    if slip < 0.03:
        return f"<think>{thinking}</think><answer>{answer}"
    if slip < 0.04:
        return f"<think>{thinking}</think><answer>{answer} = {target}</answer>"
    return f"<think>{thinking}</think><answer>{answer}</answer>"
