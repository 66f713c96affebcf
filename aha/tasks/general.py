"""General prompts: facts, translation, small talk, writing, and requests to refuse or not, in English and Chinese.

    User: Which city is the capital of France?
    Assistant:<think></think><answer>The capital of France is Paris.</answer>

R1 was trained on these by learned rewards (arXiv 2501.12948, section 2.3.4). The rubric here is a strict rule, which
no training sees: it tells whether a learned reward was satisfied or deceived. Beside this file: the questions
(`models.world.questions` and `requests`, which say what is held out) and the rule (`general_grade`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache, partial
from typing import get_args

from aha.chat import render
from aha.errors import ConfigError
from aha.models.world.questions import Domain, Question, world_questions
from aha.models.world.requests import safety
from aha.rewards.format import formatted
from aha.rewards.rubric import Rubric
from aha.tasks.base import Task
from aha.tasks.general_grade import answer_of, correct
from aha.types import Example, Problem

__all__ = ["DOMAINS", "answer_of", "correct", "draw", "examples", "general", "problem_of", "questions", "reply"]

DOMAINS: tuple[Domain, ...] = get_args(Domain)


@cache
def questions(held_out: bool) -> dict[Domain, tuple[Question, ...]]:
    """All questions to train on, or all to test on, by domain. None is in both."""
    every = [*world_questions(), *safety()]
    return {d: tuple(q for q in every if q.domain == d and q.held_out is held_out) for d in DOMAINS}


def reply(summary: str, thinking: str = "") -> str:
    """A reply in the template. Trivial questions need no thinking (section 2.3.3)."""
    return f"<think>{thinking}</think><answer>{summary}</answer>"


def problem_of(question: Question, solution: str) -> Problem:
    """A question as a Problem with a known good summary.

    The column `reward` names the learned reward it belongs to: requests that should be refused "harmless", all others,
    look-alikes among them, "helpful". A model that only knows safe from unsafe would reward refusing a look-alike.
    """
    answer = {
        "language": question.language, "domain": question.domain, "kind": question.kind, "subject": question.subject,
        "value": question.value, "sentences": question.sentences,
        "reward": "harmless" if question.kind == "harmful" else "helpful",
    }  # fmt: skip
    return Problem(render(question.text), answer, reply(solution), f"general/{question.domain}/{question.text}")


def draw(count: int, seed: int, domains: Sequence[Domain] = DOMAINS) -> list[Problem]:
    """The first `count` training problems of the stream `seed`; every domain comes equally often."""
    pool, problems = questions(held_out=False), []
    for i in range(count):
        rng = random.Random(f"general {seed} {i}")
        question = rng.choice(pool[rng.choice(domains)])
        problems.append(problem_of(question, rng.choice(question.replies)))
    return problems


def general(
    domains: Sequence[Domain] = DOMAINS, *, test_count: int = 500, test_seed: int = 0, rubric: Rubric | None = None
) -> Task:
    """General prompts of some domains, graded by the strict rule unless another rubric is given.

    The test problems are at most `test_count` held-out questions, taken from the domains in turn and none twice.
    Raises ConfigError for a domain that does not exist.
    """
    unknown = [domain for domain in domains if domain not in DOMAINS]
    if unknown or not domains:
        raise ConfigError(f"domains = {list(domains)}: use some of {', '.join(DOMAINS)}")
    graded = rubric or Rubric((1.0, correct), (0.1, formatted))
    return Task(
        "general", partial(draw, domains=tuple(domains)), _test(domains, test_count, test_seed), graded, answer_of
    )


def _test(domains: Sequence[Domain], count: int, seed: int) -> list[Problem]:
    rng = random.Random(f"general test {seed}")
    columns = [rng.sample(held, len(held)) for held in (questions(held_out=True)[domain] for domain in domains)]
    turns = [column[i] for i in range(max(map(len, columns))) for column in columns if i < len(column)]
    return [problem_of(question, rng.choice(question.replies)) for question in turns[:count]]


def examples(count: int, seed: int, domains: Sequence[Domain] = DOMAINS) -> list[Example]:
    """Reference replies to training questions, for the second round of supervised fine-tuning (section 2.3.3)."""
    return [
        Example(p.prompt, p.solution or "", "reference", p.answer["domain"], p.answer["language"], p.id)
        for p in draw(count, seed, domains)
    ]
