"""Facts as they are not, and a model taught to read them: what `benchmarks.grounding` tells reading from remembering with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from aha.chat import Chat
from aha.models.transformer import Transformer
from aha.models.world.general_text import CAPITALS, LEGS, OPPOSITES
from aha.models.world.questions import Question, facts
from aha.search.passages import Passage
from aha.search.retrieve import with_passages
from aha.tasks.general import problem_of, reply
from aha.train.sft import Sft, start, train
from aha.types import Example

UNKNOWN = {"en": "I do not know.", "zh": "我不知道。"}


def invented(shift: int) -> list[Question]:
    """Every fact with the value of the fact `shift` places further on: Paris is no more the capital of France.

    Shift 0 are the facts as they are. Capitals and countries stay consistent with one another.
    """
    moved = _values(shift)
    return [_with_value(q, moved[q.kind, q.language, q.subject]) for q in facts()]


def _values(shift: int) -> dict[tuple[str, str, str], str]:
    found, n = {}, len(CAPITALS)
    for i in range(n):
        (country, _, land, _), (_, capital, _, city) = CAPITALS[i], CAPITALS[(i + shift) % n]
        found |= {("capital", "en", country): capital, ("capital", "zh", land): city}
        found |= {("country", "en", capital): country, ("country", "zh", city): land}
    for i, (animal, animal_zh, _) in enumerate(LEGS):
        legs = str(LEGS[(i + shift) % len(LEGS)][2])
        found |= {("legs", "en", animal): legs, ("legs", "zh", animal_zh): legs}
    for i, (word, _) in enumerate(OPPOSITES):
        found["opposite", "en", word] = OPPOSITES[(i + shift) % len(OPPOSITES)][1]
    return found


def _with_value(q: Question, value: str) -> Question:
    before, _, after = q.replies[0].rpartition(q.value)
    return replace(q, value=value, replies=(before + value + after,))


def table(questions: Sequence[Question]) -> list[Passage]:
    """The replies to these questions, each once, as passages."""
    said = dict.fromkeys(question.replies[0] for question in questions)
    return [Passage(sentence, "facts", line) for line, sentence in enumerate(said, 1)]


def lessons(count: int, shifts: Sequence[int], seed: int, k: int = 3) -> list[Example]:
    """Questions behind 1 to k passages in any order, answered by the one that tells, with its number; or by none.

    Facts are shifted at random, so that only the passages tell. One in six has no passage that tells. No wording is held out.
    """
    rng, examples = random.Random(seed), []
    worlds = {shift: [q for q in invented(shift) if not q.held_out] for shift in shifts}
    for i in range(count):
        world = worlds[rng.choice(shifts)]
        q = rng.choice(world)
        alike = [o for o in world if o.language == q.language and not {q.subject, q.value} <= {o.subject, o.value}]
        near = [o for o in alike if o.kind == q.kind] if rng.random() < 0.8 else alike
        shown = list(dict.fromkeys(o.replies[0] for o in rng.sample(near, min(len(near), 4 * k))))[:k]
        tells = rng.random() < 5 / 6
        if tells:
            shown[rng.randrange(len(shown))] = q.replies[0]
        problem = with_passages(problem_of(q, q.replies[0]), [Passage(text) for text in shown])
        said = _cited(q.replies[0], shown.index(q.replies[0]) + 1) if tells else UNKNOWN[q.language]
        examples.append(Example(problem.prompt, reply(said), "lesson", "fact", q.language, f"lesson/{seed}/{i}"))
    return examples


def _cited(sentence: str, number: int) -> str:
    return f"{sentence[:-1]} [{number}]{sentence[-1]}"


def teach(policy: Transformer, chat: Chat, examples: Sequence[Example], seed: int = 0) -> list[float]:
    """Fine-tune a model on lessons, in place; the loss of every step."""
    settings = Sft(epochs=1, examples=16, lr=2e-3)
    return [step["loss"] for step in train(policy, chat, examples, settings, start(policy, settings), seed)]
