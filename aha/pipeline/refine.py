"""Make a right but raw reply readable, as the cold start of R1 does (arXiv 2501.12948 v2, appendix B.3.2).

The thought gets a first sentence that says what is asked, in the first person, is told in the question's language, and
loses lines that say what has been said; nothing is added to its reasoning. The answer gets a sentence that sums up, and
keeps the raw answer as its last line, which is the one that graders read.

In the embedded world this is done by rule. For real models an engine is asked to do it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from aha.chat import Reply, parse_reply
from aha.models.world.broad_text import readable
from aha.models.world.countdown_text import WORDS
from aha.types import Engine, Problem, Sampling

Refine = Callable[[Sequence[tuple[Problem, Reply]]], list[Reply | None]]
"""Readable forms of replies, None where none was made."""

DOMAINS = ("countdown", "arithmetic", "choice", "programs")
"""What the rules know."""


def by_rule(pairs: Sequence[tuple[Problem, Reply]]) -> list[Reply | None]:
    """The embedded world's rules."""
    return [_refined(problem, reply) for problem, reply in pairs]


def domain_of(problem: Problem) -> str:
    """The task a problem belongs to, which its id begins with."""
    return problem.id.partition("/")[0]


def _refined(problem: Problem, reply: Reply) -> Reply | None:
    domain, language = domain_of(problem), problem.answer["language"]
    if domain not in DOMAINS:
        return None
    thinking = "\n".join(said_once(in_language(reply.thinking, language).splitlines()))
    return readable(reply, domain, language, thinking)


def said_once(lines: Sequence[str]) -> list[str]:
    """The lines without those that were said before, whatever word of doubt they begin with."""
    seen: dict[str, str] = {}
    for line in lines:
        seen.setdefault(re.sub(r"^\D*", "", line) or line, line)
    return list(seen.values())


def in_language(text: str, language: str) -> str:
    """The thought with its small words in one language: each phrase of the other becomes the one of its kind."""
    other = "zh" if language == "en" else "en"
    told: dict[str, str] = {}
    for kind, phrases in WORDS[other].items():
        ours = list(dict.fromkeys(WORDS[language][kind]))
        for i, phrase in enumerate(dict.fromkeys(phrases)):
            told.setdefault(phrase.strip(" \n"), ours[i % len(ours)].strip(" \n"))
    longest_first = "|".join(re.escape(phrase) for phrase in sorted(told, key=len, reverse=True))
    edge = r"\b" if other == "en" else ""
    return re.sub(f"{edge}(?:{longest_first}){edge}", lambda found: told[found[0]], text)


ASK = """Rewrite this solution so that it reads well, in {language}.
Keep every step of the thinking and add none. Write in the first person, start from the question, no headings.
Then write a short summary: the key steps, faithful to the thinking, and the same final answer as its last line.
Answer with <think>...</think><answer>...</answer> and nothing else.

Question: {question}

Thinking: {thinking}

Final answer: {answer}
"""


def by_engine(engine: Engine, render: Callable[[str], str], max_tokens: int = 2048) -> Refine:
    """A refining model: R1 had DeepSeek-V3 do it. What comes back outside the template is no refinement."""

    def refine(pairs: Sequence[tuple[Problem, Reply]]) -> list[Reply | None]:
        prompts = [
            render(
                ASK.format(
                    language=problem.answer["language"], question=problem.prompt, thinking=reply.thinking,
                    answer=reply.answer,
                )
            )
            for problem, reply in pairs
        ]  # fmt: skip
        groups = engine.generate(prompts, Sampling(1, max_tokens, temperature=0.7, seed=0))
        return [parse_reply(group[0].text) if group[0].finish == "stop" else None for group in groups]

    return refine
