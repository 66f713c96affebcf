"""Preferences: which of two replies is better, and which replies are safe; what reward models are trained on.

    Pair(render("What is the capital of France?"), "The capital of France is Paris.", "The capital of France is Rome.")

R1's helpfulness model learnt from pairs of final summaries, its safety model from single replies, thinking included,
marked safe or unsafe (arXiv 2501.12948 v2, the appendix on reward models). Pairs and marks come from the embedded world
by rule (here), from files (`preference_files`), or from a judge (`judged_pairs`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from aha.chat import render
from aha.rewards.format import read_reply
from aha.rewards.judge import Judge, compare
from aha.rewards.judge_prompts import question_of
from aha.tasks.general import questions, reply
from aha.tasks.preference_flaws import FLAWS, pool, wrong
from aha.types import Engine, Problem, Sampling


@dataclass(frozen=True, slots=True)
class Pair:
    """Two summaries that answer one prompt, and which of them is better. The prompt is in the template."""

    prompt: str
    chosen: str
    rejected: str
    flaw: str = ""
    """What is wrong with the rejected one, where it is known."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A whole reply, thinking included, and whether it is safe. The prompt is in the template."""

    prompt: str
    reply: str
    safe: bool
    flaw: str = ""
    """What makes it unsafe, where it is known."""


def world_pairs(count: int, seed: int, held_out: bool = False) -> list[Pair]:
    """`count` pairs of the embedded world, by rule: a good summary and one with a flaw.

    Questions are those of the general task's training split, or of its test split; domains come equally often.
    A right fact without its sentence is also better than a wrong one in a sentence.
    """
    pairs: list[Pair] = []
    draw = random.Random(f"world pairs {seed} {held_out}")
    shares, flaws = zip(*FLAWS, strict=True)
    by_domain = [[q for q in asked if q.kind != "harmful"] for asked in questions(held_out).values()]
    while len(pairs) < count:
        question = draw.choice(draw.choice(by_domain))
        good, [make] = draw.choice(question.replies), draw.choices(flaws, shares)
        bad = make(question, good, draw, held_out)
        if make is wrong and question.domain == "fact" and draw.random() < 0.3:
            good = question.value
        if bad and bad != good and bad not in question.replies:
            pairs.append(Pair(render(question.text), good, bad, make.__name__))
    return pairs


COMPLIED = {
    "en": (
        "Sure. First wait until night, then {}.",
        "It is easy. Take a small tool and {} when nobody is near.",
        "Yes. Ask a friend to come with you and {} together.",
    ),
    "zh": ("当然。先等到晚上，然后{}。", "很容易。拿一个小工具，没有人的时候就{}。", "可以。请一个朋友和你一起{}。"),
}  # fmt: skip
CAREFUL = {
    "en": ("This would hurt someone, so I should not help.", "I should say no in a kind way."),
    "zh": ("这会伤害别人，所以我不应该帮忙。", "我应该客气地说不。"),
}
PLAIN = {"en": ("This is a simple question.", "I can help with this."), "zh": ("这个问题很简单。", "这个我可以帮忙。")}


def world_labels(count: int, seed: int, held_out: bool = False) -> list[Labelled]:
    """`count` whole replies of the embedded world, by rule: about half are unsafe, and about half of all are to harm.

    Helping with a harmful act is unsafe, in the thinking too, even where the answer then refuses, and so is naming one
    in reply to a harmless question. A look-alike answered in those very words is safe: the request decides.
    """
    draw = random.Random(f"world labels {seed} {held_out}")
    return [_label(draw, held_out) for _ in range(count)]


def _label(draw: random.Random, held_out: bool) -> Labelled:
    both = questions(held_out)["safety"]
    harmful, harmless = ([q for q in both if q.kind == kind] for kind in ("harmful", "harmless"))
    request = draw.choice(harmful)
    language = request.language
    helping = draw.choice(COMPLIED[language])
    if draw.random() < 0.55:
        refusal, prompt = draw.choice(request.replies), render(request.text)
        kind = draw.choices(("refused", "complied", "thought"), (9, 8, 3))[0]
        if kind == "refused":
            return Labelled(prompt, reply(refusal, _perhaps(CAREFUL[language], draw)), True)
        text = helping.format(request.subject)
        if kind == "thought":
            return Labelled(prompt, reply(refusal, text), False, "harm in the thinking")
        return Labelled(prompt, reply(text, _perhaps(PLAIN[language], draw)), False, "complied")
    asked = harmless if draw.random() < 0.8 else [q for q in pool(held_out) if q.domain != "safety"]
    question = draw.choice([q for q in asked if q.language == language])
    thinking, roll = _perhaps(PLAIN[language], draw), draw.random()
    if roll < 0.4:
        text = helping.format(request.subject)
        return Labelled(render(question.text), reply(text, thinking), False, "named harm")
    said = (
        helping.format(question.subject)
        if roll < 0.6 and question.kind == "harmless"
        else draw.choice(question.replies)
    )
    return Labelled(render(question.text), reply(said, thinking), True)


def _perhaps(thoughts: Sequence[str], draw: random.Random) -> str:
    return draw.choice(thoughts) if draw.random() < 0.4 else ""


class Judged(NamedTuple):
    """Pairs, and how many each filter took."""

    pairs: list[Pair]
    taken: dict[str, int]


def judged_pairs(judge: Judge, engine: Engine, problems: Sequence[Problem], sampling: Sampling) -> Judged:
    """Two replies to each problem, compared by a judge in four calls, as R1's helpfulness pairs were made.

    Left out, in this order, and counted: a reply without a summary, two equal summaries, a judge without four
    verdicts, a margin of not more than 1, and pairs that would leave chosen and rejected summaries unequally long.
    """
    groups = engine.generate([problem.prompt for problem in problems], replace(sampling, n=2))
    sides = [[read_reply(completion)[0] for completion in group] for group in groups]
    read = [(p, a.answer, b.answer) for p, (a, b) in zip(problems, sides, strict=True) if a and b]
    differing = [(p, a, b) for p, a, b in read if a != b]
    judged = compare(judge, [(question_of(p), a, b) for p, a, b in differing])
    compared = [
        (p, a, b, found) for (p, a, b), found in zip(differing, judged, strict=True) if found.margin is not None
    ]
    clear = [(p, a, b, found.margin or 0) for p, a, b, found in compared if found.clear]
    pairs = [Pair(p.prompt, a, b) if margin > 0 else Pair(p.prompt, b, a) for p, a, b, margin in clear]
    balanced = balance_lengths(pairs)
    counts = [len(x) for x in (problems, read, differing, compared, clear, balanced)]
    names = ("no summary", "equal", "judge failed", "unclear", "unbalanced")
    return Judged(balanced, {name: a - b for name, (a, b) in zip(names, pairwise(counts), strict=True)})


def balance_lengths(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs without those few that make chosen and rejected texts unequally long on average, in characters.

    Judges prefer long answers, and a reward model learns length sooner than anything else. Pairs are dropped from the
    side with the surplus, the most unequal first, none that would turn the surplus around.
    """
    surplus = sum(map(_longer, pairs))
    sign = 1 if surplus > 0 else -1
    dropped = set[int]()
    for i in sorted(range(len(pairs)), key=lambda i: -sign * _longer(pairs[i])):
        if 0 < sign * _longer(pairs[i]) <= sign * surplus:
            dropped.add(i)
            surplus -= _longer(pairs[i])
    return [pair for i, pair in enumerate(pairs) if i not in dropped]


def _longer(pair: Pair) -> int:
    return len(pair.chosen) - len(pair.rejected)
