"""Errands: who has how many coins in the end. Every event is an easy sum; what is hard is to keep track of everyone.

    Ann has 12 coins. Ben has 30 coins. Ann finds 7 coins. Ben gives Ann 5 coins. How many coins does Ann have?
    <think>Ann 12 + 7 = 19
    Ben 30 - 5 = 25
    Ann 19 + 5 = 24</think><answer>24</answer>

A test for long horizons with an exact check, in English and Chinese. The embedded base has never read such a question; its
chains of sums (`arithmetic`) are the same with one purse.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from aha.chat import render
from aha.errors import ConfigError
from aha.rewards.format import formatted
from aha.rewards.rubric import Rater, Rubric
from aha.tasks.arithmetic import answer_of, correct
from aha.tasks.base import Task
from aha.tasks.streams import Language, Stream, check_languages
from aha.types import Problem

LONGEST = 20
"""Events of the longest errand."""
PEOPLE = {"en": ("Ann", "Ben", "Eve", "Tom"), "zh": ("小红", "小明", "小丽", "小刚")}
SAID = {
    "en": {"has": "{who} has {n} coins.", "finds": "{who} finds {n} coins.", "loses": "{who} loses {n} coins.",
           "gives": "{who} gives {other} {n} coins.", "asked": "How many coins does {who} have?"},
    "zh": {"has": "{who}有{n}枚硬币。", "finds": "{who}捡到{n}枚硬币。", "loses": "{who}丢了{n}枚硬币。",
           "gives": "{who}给{other}{n}枚硬币。", "asked": "{who}有多少枚硬币？"},
}  # fmt: skip


class Sum(NamedTuple):
    """A change of one purse."""

    who: str
    op: str
    number: int


class Errand(NamedTuple):
    """What a question tells: what everyone has at first, what changes, and who is asked about."""

    start: dict[str, int]
    sums: tuple[Sum, ...]
    asked: str


def make(rng: random.Random, languages: Sequence[Language], steps: Sequence[int], people: int) -> Problem:
    """An errand with one of the numbers of events in `steps`. No purse ever holds less than 1 or more than 150 coins."""
    language, length = rng.choice(languages), rng.choice(steps)
    names, said = rng.sample(PEOPLE[language], people), SAID[language]
    purses = {name: rng.randint(2, 99) for name in names}
    told = [said["has"].format(who=name, n=coins) for name, coins in purses.items()]
    notes = list[str]()
    for _ in range(length):
        kind, who, other, n = _event(rng, purses)
        told.append(said[kind].format(who=who, other=other, n=n))
        for name, sign in _changes(kind, who, other):
            notes.append(f"{name} {purses[name]} {sign} {n} = {purses[name] + (n if sign == '+' else -n)}")
            purses[name] += n if sign == "+" else -n
    asked = rng.choice(names)
    question = _joined([*told, said["asked"].format(who=asked)], language)
    solution = "<think>" + "\n".join(notes) + f"</think><answer>{purses[asked]}</answer>"
    return Problem(render(question), {"steps": length, "value": purses[asked], "language": language}, solution)


def _event(rng: random.Random, purses: dict[str, int]) -> tuple[str, str, str, int]:
    """Something that can happen: kind, who, to whom, how many coins."""
    while True:
        kind = rng.choice(("finds", "loses", "gives") if len(purses) > 1 else ("finds", "loses"))
        who = rng.choice(sorted(purses))
        other = rng.choice(sorted(purses.keys() - {who}) or [""])
        most = 99 if kind == "finds" else min(99, purses[who] - 1)
        n = rng.randint(2, most) if most > 1 else 0  # one coin would be no coins
        gains = {"finds": who, "gives": other}.get(kind)
        if n and (gains is None or purses[gains] + n <= 150):
            return kind, who, other, n


def _changes(kind: str, who: str, other: str) -> list[tuple[str, str]]:
    """Whose purses an event changes, and how."""
    return {"finds": [(who, "+")], "loses": [(who, "-")], "gives": [(who, "-"), (other, "+")]}.get(kind, [])


def _joined(sentences: Sequence[str], language: str) -> str:
    return (" " if language == "en" else "").join(sentences)


def _pattern(form: str) -> str:
    """What reads a sentence of a form back."""
    spaced = re.escape(form).replace(r"\{", "{").replace(r"\}", "}")
    return spaced.format(who=r"(?P<who>\w+?)", other=r"(?P<other>\w+?)", n=r"(?P<n>[0-9]{1,3})")


_READ = {
    language: {kind: re.compile(_pattern(form)) for kind, form in forms.items()} for language, forms in SAID.items()
}
_SENTENCE = re.compile(r"[^.?。？]+[.?。？]")


def read_errand(question: str) -> Errand | None:
    """What a question of this task tells; None for any other text."""
    start: dict[str, int] = {}
    sums: list[Sum] = []
    asked = ""
    patterns = [pair for forms in _READ.values() for pair in forms.items()]
    for sentence in _SENTENCE.findall(question):
        found = next(((kind, m) for kind, p in patterns if (m := p.fullmatch(sentence.strip()))), None)
        if found is None or asked:
            return None
        kind, part = found[0], found[1].groupdict()
        if kind == "has":
            start[part["who"]] = int(part["n"])
        changes = _changes(kind, part["who"], part.get("other") or "")
        sums += [Sum(who, sign, int(part["n"])) for who, sign in changes]
        asked = part["who"] if kind == "asked" else ""
    known = asked in start and all(one.who in start for one in sums)
    return Errand(start, tuple(sums), asked) if known else None


def key_of(problem: Problem) -> str:
    """All numbers of an errand in their order: those that differ in names or language only are the same."""
    return " ".join(re.findall(r"[0-9]+", problem.prompt))


def errands(
    languages: Sequence[Language] = ("en", "zh"),
    steps: Sequence[int] = (2, 4, 8),
    people: int = 2,
    *,
    test_count: int = 500,
    test_seed: int = 0,
    rubric: Rater | None = None,
) -> Task:
    """Errands of some lengths among so many people, graded exactly.

    Raises ConfigError for an unknown language, a length outside 1 to LONGEST, fewer than 1 or more than 4 people, or a
    negative count.
    """
    check_languages(languages)
    if not steps or not all(1 <= length <= LONGEST for length in steps):
        raise ConfigError(f"steps = {list(steps)}: an errand has 1 to {LONGEST} events")
    if not 1 <= people <= len(PEOPLE["en"]):
        raise ConfigError(f"people = {people}: an errand has 1 to {len(PEOPLE['en'])}")
    maker = partial(make, languages=tuple(languages), steps=tuple(steps), people=people)
    stream = Stream("errands", maker, key_of)
    graded = rubric or Rubric((1.0, correct), (0.1, formatted))
    return Task("errands", stream.draw, stream.test(test_count, test_seed), graded, answer_of)
