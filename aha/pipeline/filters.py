"""Which samples are good enough to learn from, and why the others are not (arXiv 2501.12948, sections 2.3.1, 2.3.3)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Set

from aha.chat import Reply, parse_reply
from aha.language import share_in
from aha.types import Completion, Problem, Score

NGRAM = 10
"""Words in a row that two prompts may not share: the paper's filter against its benchmarks."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")


def wrong(score: Score) -> str:
    """Why a reply is no right one, or nothing."""
    right = score.parts.get("correct", score.parts.get("judged_correct"))
    if right is None or score.total is None:
        return "grader failed"
    return "" if right >= 1 else score.reason or "wrong"


def unreadable(problem: Problem, reply: Reply, share: float = 0.5) -> str:
    """Why a reply does not read well, or nothing: it repeats itself or mixes languages.

    `share` is how much of the thinking's lines may say what an earlier line said.
    """
    lines = [line.strip() for line in reply.thinking.splitlines() if line.strip()]
    if len(lines) >= 4 and 1 - len(set(lines)) / len(lines) > share:
        return "repeats itself"
    if (spoken := share_in(reply.thinking, problem.answer["language"])) is not None and spoken < 1:
        return "mixed languages"
    return ""


def thinks(problem: Problem, reply: Reply) -> bool:
    """Whether a reply reasons as its task asks for: a sum is worked out, not guessed. Short programs and choices may
    be answered at once.
    """
    return "=" in reply.thinking if problem.id.startswith(("countdown/", "arithmetic/")) else True


def is_readable(problem: Problem, completion: Completion) -> bool:
    """The measure of readability: whole, in one language, without repetition, and with a summary in words."""
    reply = parse_reply(completion.text)
    if reply is None or completion.finish == "length" or unreadable(problem, reply, share=0.25):
        return False
    return bool(share_in(reply.answer, problem.answer["language"]))


def ngrams(text: str, n: int = NGRAM) -> set[tuple[str, ...]]:
    """All runs of `n` words, Chinese characters being words; a shorter text is one run."""
    words = tuple(_WORD.findall(text.lower()))
    return {words[i : i + n] for i in range(max(1, len(words) - n + 1))}


def known_runs(prompts: Iterable[str], template: int = 3) -> set[tuple[str, ...]]:
    """What prompts of evaluation sets say, to keep training data away from it.

    A run of words that `template` different prompts share is how the task asks, not what it asks, and is left out.
    """
    seen = Counter(run for prompt in set(prompts) for run in ngrams(prompt))
    return {run for run, count in seen.items() if count < template}


def contaminated(prompt: str, known: Set[tuple[str, ...]]) -> bool:
    """Whether a prompt shares a run of words with an evaluation set."""
    return not known.isdisjoint(ngrams(prompt))
