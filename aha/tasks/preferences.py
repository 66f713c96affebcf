"""Preferences: which of two replies is better, and which replies are safe; what reward models are trained on.

    Pair(render("What is the capital of France?"), "The capital of France is Paris.", "The capital of France is Rome.")

R1's helpfulness model learnt from pairs of final summaries, its safety model from single replies, thinking included,
marked safe or unsafe (arXiv 2501.12948 v2, the appendix on reward models). Pairs and marks come from the embedded world
by rule (here), from files (`preference_files`), or from a judge (`judged_pairs`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from aha.chat import render
from aha.rewards.format import read_reply
from aha.rewards.judge import Judge, compare
from aha.rewards.judge_prompts import question_of
from aha.tasks.general import questions, reply
from aha.tasks.general_questions import Question
from aha.tasks.general_safety import REFUSALS
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


# Helpfulness, by rule


@cache
def _pool(held_out: bool) -> tuple[Question, ...]:
    """Questions that helpfulness is about: all but the harmful requests."""
    return tuple(q for asked in questions(held_out).values() for q in asked if q.kind != "harmful")


@cache
def _values(kind: str, language: str) -> tuple[str, ...]:
    facts = (q for held_out in (False, True) for q in questions(held_out)["fact"])
    return tuple(sorted({q.value for q in facts if (q.kind, q.language) == (kind, language)}))


def _another(question: Question, rng: random.Random, held_out: bool, **same: str) -> str | None:
    """A good reply to a question on another subject that is the same in some columns."""
    fit = [
        q
        for q in _pool(held_out)
        if q.topic != question.topic and all(getattr(q, column) == value for column, value in same.items())
    ]
    return rng.choice(rng.choice(fit).replies) if fit else None


def wrong(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """Another value in the same sentence, or what another subject deserves."""
    if question.domain == "fact":
        values = [v for v in _values(question.kind, question.language) if v not in (question.value, question.subject)]
        return good.replace(question.value, rng.choice(values))
    same = {"domain": question.domain, "language": question.language}
    if question.domain == "translation" and rng.random() < 0.5:  # one word of two is wrong
        near = [q.value for q in _pool(held_out) if q.kind == question.kind and _shares_a_word(q.value, question.value)]
        return rng.choice(near) if near else None
    return _another(question, rng, held_out, **same, **({"kind": question.kind} if question.domain != "talk" else {}))


def _shares_a_word(a: str, b: str) -> bool:
    return a != b and bool(set(_words(a)) & set(_words(b)))


def off_the_subject(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """A good reply to another kind of question."""
    other = rng.choice([d for d in ("fact", "talk", "writing", "safety") if d != question.domain])
    return _another(question, rng, held_out, domain=other, language=question.language)


def bare(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """The value of a fact without its sentence."""
    return question.value if question.domain == "fact" else None


def rambling(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """A right reply that goes on about something else."""
    more = [off_the_subject(question, good, rng, held_out) or "" for _ in range(rng.randint(1, 2))]
    return (" " if question.language == "en" else "").join([good, *more])


def repeated(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """The reply, or its last words, again and again."""
    words = _words(good)
    again = words if rng.random() < 0.5 else words[-rng.randint(1, 3) :]
    return _join(words + again * rng.randint(1, 3))


def other_language(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """The same content in the other language; for a translation, the word that was to be translated."""
    if question.domain == "translation":
        return question.subject
    asked = (q for part in (False, True) for q in questions(part)[question.domain])
    fit = [q for q in asked if q.topic == question.topic and q.language != question.language]
    return rng.choice(rng.choice(fit).replies) if fit else None


def refused(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """A refusal where there is nothing to refuse."""
    return rng.choice(REFUSALS[question.language])


def shuffled(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """The words in another order."""
    words = _words(good)
    return _join(rng.sample(words, len(words))) if len(words) > 3 else None


def cut_short(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """A sentence without its end."""
    words = _words(good)
    return _join(words[: rng.randint(len(words) // 3, len(words) - 2)]) if len(words) > 3 else None


def _words(text: str) -> list[str]:
    return text.split() if text.isascii() else list(text)


def _join(words: Sequence[str]) -> str:
    return " ".join(words) if all(word.isascii() for word in words) else "".join(words)


Flaw = Callable[[Question, str, random.Random, bool], str | None]
FLAWS: tuple[tuple[int, Flaw], ...] = (
    (5, wrong), (1, off_the_subject), (2, bare), (1, rambling), (1, repeated), (1, other_language), (1, refused),
    (1, shuffled), (2, cut_short),
)  # fmt: skip
"""How often each flaw is given to a rejected reply; the shares leave both sides of a set about equally long."""


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


# Safety, by rule

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
    asked = questions(held_out)
    harmful, harmless = ([q for q in asked["safety"] if q.kind == kind] for kind in ("harmful", "harmless"))
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
    pool = harmless if draw.random() < 0.8 else [q for q in _pool(held_out) if q.domain != "safety"]
    question = draw.choice([q for q in pool if q.language == language])
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


# By a judge


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
    compared = [(p, a, b, j.margin) for (p, a, b), j in zip(differing, judged, strict=True) if j.margin is not None]
    clear = [(p, a, b, margin) for p, a, b, margin in compared if abs(margin) > 1]
    pairs = [Pair(p.prompt, a, b) if margin > 0 else Pair(p.prompt, b, a) for p, a, b, margin in clear]
    balanced = balance_lengths(pairs)
    counts = [len(x) for x in (problems, read, differing, compared, clear, balanced)]
    names = ("no summary", "equal", "judge failed", "unclear", "unbalanced")
    return Judged(balanced, {name: a - b for name, a, b in zip(names, counts, counts[1:], strict=True)})


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
