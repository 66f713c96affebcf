"""How a good reply of the embedded world is spoilt, so that a reward model has something to prefer it to.

A flaw is a function of a question, a good summary, and a source of chance; None where it cannot be made. `held_out`
says which split other questions are taken from.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

from aha.models.world.questions import Question
from aha.models.world.requests import REFUSALS
from aha.tasks.general import questions


@cache
def pool(held_out: bool) -> tuple[Question, ...]:
    """Questions that helpfulness is about: all but the harmful requests."""
    return tuple(q for asked in questions(held_out).values() for q in asked if q.kind != "harmful")


@cache
def _values(kind: str, language: str) -> tuple[str, ...]:
    facts = (q for held_out in (False, True) for q in questions(held_out)["fact"])
    return tuple(sorted({q.value for q in facts if (q.kind, q.language) == (kind, language)}))


@cache
def _like(held_out: bool, domain: str, language: str, kind: str) -> tuple[Question, ...]:
    """Questions of a domain and a language, and of a kind where one is named."""
    return tuple(q for q in pool(held_out) if (q.domain, q.language) == (domain, language) and kind in ("", q.kind))


def _another(
    question: Question, rng: random.Random, held_out: bool, domain: str, language: str, kind: str = ""
) -> str | None:
    """A good reply to a question on another subject."""
    fit = [q for q in _like(held_out, domain, language, kind) if q.topic != question.topic]
    return rng.choice(rng.choice(fit).replies) if fit else None


def wrong(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """Another value in the same sentence, or what another subject deserves."""
    if question.domain == "fact":
        values = [v for v in _values(question.kind, question.language) if v not in (question.value, question.subject)]
        return good.replace(question.value, rng.choice(values))
    kind = question.kind if question.domain != "talk" else ""
    if question.domain == "translation" and rng.random() < 0.5:  # one word of two is wrong
        alike = _like(held_out, question.domain, question.language, kind)
        near = [q.value for q in alike if _shares_a_word(q.value, question.value)]
        return rng.choice(near) if near else None
    return _another(question, rng, held_out, question.domain, question.language, kind)


def _shares_a_word(a: str, b: str) -> bool:
    return a != b and bool(set(_words(a)) & set(_words(b)))


def off_the_subject(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """A good reply to another kind of question."""
    other = rng.choice([d for d in ("fact", "talk", "writing", "safety") if d != question.domain])
    return _another(question, rng, held_out, other, question.language)


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
    again = words if rng.random() < 0.5 else words[-rng.randint(2, 4) :]
    return _join(words + again * rng.randint(1, 3))


def other_language(question: Question, good: str, rng: random.Random, held_out: bool) -> str | None:
    """The same content in the other language; for a translation, the word that was to be translated."""
    if question.domain == "translation":
        return question.subject
    fit = _on(question.topic, "zh" if question.language == "en" else "en")
    return rng.choice(rng.choice(fit).replies) if fit else None


@cache
def _on(topic: str, language: str) -> tuple[Question, ...]:
    every = (q for held_out in (False, True) for q in pool(held_out))
    return tuple(q for q in every if (q.topic, q.language) == (topic, language))


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
