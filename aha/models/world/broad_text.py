"""Reading of many kinds, late in pre-training: what a model must have met before a few examples can bring it out.

Plain statements, conversations, options gone through one by one, longer sums, and replies that sum up. A base that has
never read a word needs thousands of examples to learn it, and forgets its sums over them. Most of what is here stays
rare in what the base writes; nothing is a held-out question, and questions are often answered badly.
"""

from __future__ import annotations

import random
from functools import cache

from aha.chat import END, Reply, parse_reply
from aha.models.world.arithmetic_text import chain_text
from aha.models.world.choice_text import options_text
from aha.models.world.countdown_text import countdown_text
from aha.models.world.general_text import qa
from aha.models.world.questions import Question, world_questions
from aha.models.world.requests import safety

OPENERS = {
    "countdown": {"en": "let me try", "zh": "我试一下"},
    "other": {"en": "let me see", "zh": "让我看看"},
}
"""How a readable thought begins."""
SUMMARIES = {"en": "I think it is {}", "zh": "我想是 {}"}
"""How a readable answer sums up."""


def broad_text(rng: random.Random, think: float) -> str:
    """One text of any of these kinds."""
    pick = rng.random()
    if pick < 0.25:
        return options_text(rng)
    if pick < 0.45:
        return statement_text(rng)
    if pick < 0.6:
        return conversation_text(rng)
    if pick < 0.75:
        return chain_text(rng, most=6)
    if pick < 0.9:
        return summed_up(countdown_text(rng, think, seasoned=True), "countdown")
    return summed_up(chain_text(rng, most=6), "arithmetic")


@cache
def _asked() -> tuple[tuple[Question, ...], ...]:
    """Every question that is not held out, by domain."""
    domains: dict[str, list[Question]] = {}
    for question in (*world_questions(), *safety()):
        if not question.held_out:
            domains.setdefault(question.domain, []).append(question)
    return tuple(tuple(found) for found in domains.values())


def statement_text(rng: random.Random) -> str:
    """A few plain sentences: what good replies say, without the questions."""
    said = [rng.choice(rng.choice(rng.choice(_asked())).replies) for _ in range(rng.randint(1, 4))]
    return "\n".join(said) + END + "\n"


def conversation_text(rng: random.Random) -> str:
    """A question that is answered well half the time, and else as some other question would be."""
    about = rng.choice(_asked())
    question = rng.choice(about)
    answered = question if rng.random() < 0.5 else rng.choice(about)
    return qa(question.text, rng.choice(answered.replies))


def summed_up(text: str, domain: str) -> str:
    """A question and reply with an opening sentence and a summary; as it is where the reply strays from the template."""
    asked, _, said = text.partition("<think>")
    reply = parse_reply("<think>" + said.removesuffix(END + "\n"))
    if reply is None:
        return text
    language = "zh" if any(char > "\u2e7f" for char in asked) else "en"
    told = readable(reply, domain, language, reply.thinking)
    return f"{asked}<think>{told.thinking}</think><answer>{told.answer}</answer>{END}\n"


def readable(reply: Reply, domain: str, language: str, thinking: str) -> Reply:
    """The reply with an opening sentence before `thinking`, and a summary before its answer."""
    opener = OPENERS.get(domain, OPENERS["other"])[language]
    summary = SUMMARIES[language].format("" if "\n" in reply.answer else reply.answer).strip()
    lines = [opener, *(line for line in thinking.splitlines() if line.strip() and line.strip() != opener)]
    return Reply("\n".join(lines), f"{summary}\n{reply.answer}")
