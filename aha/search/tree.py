"""Replies that grow step by step under a process model: what beam search and Monte-Carlo tree search share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from aha.chat import Chat
from aha.models.steps import Aggregate
from aha.search.draft import Draft
from aha.search.ledger import Metered
from aha.search.select import candidate
from aha.search.types import Candidate, StepScorer
from aha.tasks.base import Task
from aha.types import Problem


@dataclass(frozen=True, slots=True)
class Path:
    """A reply, or the beginning of one, and what the process model makes of it."""

    draft: Draft
    scores: tuple[float, ...] = ()
    """After each step; with lookahead, those of the steps ahead too."""
    value: float = 0.0
    """The scores made one."""
    text: str = ""
    """Of the draft, without what opened it."""


def has_ended(chat: Chat, draft: Draft) -> bool:
    """Whether a reply came to its end; a step that came to its end is not enough."""
    return bool(draft.token_ids) and draft.token_ids[-1] in chat.end_ids


def capped(chat: Chat, draft: Draft, max_tokens: int) -> Draft:
    """The reply as a search sees it: one of more tokens than it may have is cut off there, also if it ended further on.

    `finish` says "stop" only of a reply that ended.
    """
    if len(draft.token_ids) > max_tokens:
        return draft.first(max_tokens)
    return replace(draft, finish="stop" if has_ended(chat, draft) else "length")


def is_open(draft: Draft, max_tokens: int) -> bool:
    """Whether a reply that `capped` has seen can go on."""
    return draft.finish == "length" and len(draft.token_ids) < max_tokens


def judge(
    meter: Metered,
    chat: Chat,
    scorer: StepScorer,
    aggregate: Aggregate,
    problems: Sequence[Problem],
    drafts: Sequence[Draft],
    seen: Sequence[Draft],
) -> list[Path]:
    """Each draft with the scores of what the model sees for it, in one call of the scorer."""
    texts = chat.decode_batch([list(draft.token_ids) for draft in drafts])
    ahead = texts if seen is drafts else chat.decode_batch([list(draft.token_ids) for draft in seen])
    owners = [draft.owner for draft in seen]
    scores = meter.score(scorer, [problems[i].prompt for i in owners], ahead, owners)
    return [
        Path(draft, tuple(row), aggregate(row), text) for draft, row, text in zip(drafts, scores, texts, strict=True)
    ]


@contextmanager
def remembering(*models: Any) -> Iterator[None]:
    """Meanwhile engines and scorers that can do so keep what they have read: all calls of a search follow from one another."""
    with ExitStack() as stack:
        for model in models:
            begin = getattr(model, "remembering", None)
            if begin is not None:
                stack.enter_context(begin())
        yield


def as_candidate(chat: Chat, task: Task, problem: Problem, path: Path) -> Candidate:
    """A whole reply that a search has found."""
    found = candidate(task, problem, path.draft.completion(chat))
    return replace(found, score=path.value, step_scores=path.scores)
