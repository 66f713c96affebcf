"""Replies under way: what was drawn so far, what was put into them, and how their thought ended.

A strategy that cuts in on the thinking continues a reply by its exact tokens, so it needs an engine that shows them. The
thought may have been opened by the prompt (its end is then the `opening` of the reply) or by the model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from aha.chat import ANSWER, THINK, THINK_END, Chat, language_counts
from aha.errors import RunError
from aha.rewards.judge_prompts import question_of
from aha.search.ledger import Metered
from aha.types import Completion, Finish, Problem, Sampling

Ending = Literal["closed", "ended", "cut", "stray"]
"""How a thought ended: by its tag, by the reply's end without the tag, for lack of tokens; or there was none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply to problem `owner` so far. `opening` is what belongs to the reply but stands in the prompt."""

    owner: int
    prompt_ids: list[int]
    opening: str = ""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish: Finish = "length"

    def put(self, ids: Sequence[int]) -> Draft:
        """With tokens put into it. Their log-probability is 0: nothing else could have stood there."""
        return replace(self, token_ids=(*self.token_ids, *ids), logprobs=(*self.logprobs, *[0.0] * len(ids)))

    def drawn(self, reply: Completion) -> Draft:
        """With what was drawn next."""
        tokens, logprobs = (*self.token_ids, *reply.token_ids), (*self.logprobs, *reply.logprobs)
        return replace(self, token_ids=tokens, logprobs=logprobs, finish=reply.finish)

    def first(self, count: int) -> Draft:
        """Its first `count` tokens."""
        return replace(self, token_ids=self.token_ids[:count], logprobs=self.logprobs[:count], finish="length")

    def text(self, chat: Chat) -> str:
        """The reply so far."""
        return self.opening + chat.decode(self.token_ids)

    def completion(self, chat: Chat) -> Completion:
        """The reply, as a whole one."""
        return Completion(self.text(chat), self.prompt_ids, list(self.token_ids), list(self.logprobs), self.finish)


def tokenizer_of(engine: Any) -> Chat:
    """The tokenizer of an engine that shows its tokens. Raises RunError for any other."""
    chat = getattr(engine, "chat", None)
    if not isinstance(chat, Chat):
        raise RunError("this strategy continues replies token by token, and the engine does not show its tokens")
    return chat


def opened(problem: Problem, opening: str = "") -> tuple[str, str]:
    """The prompt of a reply that begins with `opening`, and all of that prompt that belongs to the reply.

    A thought that the problem's own prompt opens is part of the reply, and is not opened again.
    """
    before, tag, blank = problem.prompt.rpartition(THINK)
    if not tag or blank.strip():
        return problem.prompt + opening, opening
    return problem.prompt + opening.removeprefix(THINK), THINK + blank + opening.removeprefix(THINK)


def begun(chat: Chat, problems: Sequence[Problem], openings: Sequence[str] | None = None) -> list[Draft]:
    """A reply to each problem that so far is no more than its opening."""
    both = [opened(p, opening) for p, opening in zip(problems, openings or [""] * len(problems), strict=True)]
    ids = chat.prompt_ids([prompt for prompt, _ in both])
    return [Draft(owner, ids[owner], start) for owner, (_, start) in enumerate(both)]


def draw(meter: Metered, drafts: Sequence[Draft], sampling: Sampling) -> list[Draft]:
    """Each reply drawn on in one call; `sampling.n` copies of each, next to one another."""
    prompts = [[*draft.prompt_ids, *draft.token_ids] for draft in drafts]
    groups = meter.generate(prompts, sampling, owners=[draft.owner for draft in drafts])
    return [draft.drawn(reply) for draft, group in zip(drafts, groups, strict=True) for reply in group]


def thought_length(chat: Chat, draft: Draft) -> int:
    """Tokens of the thought so far, what was put into it included, the tag that opens it not."""
    return len(draft.token_ids) - (0 if THINK in draft.opening else len(chat.encode(THINK)))


def ending(chat: Chat, draft: Draft) -> Ending:
    """How the thought of a reply has ended."""
    text = draft.text(chat)
    if not text.lstrip().startswith(THINK):
        return "stray"
    if THINK_END in text:
        return "closed"
    return "ended" if draft.finish == "stop" else "cut"


def reopened(chat: Chat, draft: Draft) -> Draft:
    """The thought without what ended it: its tag, or the end of the reply."""
    text = draft.text(chat).partition(THINK_END)[0]
    count = len(draft.token_ids)
    while count and (draft.token_ids[count - 1] in chat.end_ids or not text.startswith(draft.first(count).text(chat))):
        count -= 1
    return draft.first(count)


def answering(chat: Chat, draft: Draft) -> Draft:
    """The reply where its answer can begin: a thought that did not close itself is closed, and the answer opened."""
    if ending(chat, draft) in ("closed", "stray"):
        return draft
    return reopened(chat, draft).put(chat.encode(THINK_END + ANSWER))


def in_language(problem: Problem, texts: dict[str, str]) -> str:
    """The text for a question: Chinese where it has more Chinese characters than Latin words, else English."""
    chinese, latin = language_counts(question_of(problem))
    return texts["zh" if chinese > latin else "en"]
