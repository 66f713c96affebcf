"""Think within limits, then answer: what budget forcing and hidden reasoning are made of.

    drafts = think(meter, chat, begun(chat, problems), sampling, cap=200)
    drafts = go_on(meter, chat, drafts, words, sampling, cap=200)       # in place of their end, "wait, "
    drafts = conclude(meter, chat, drafts, sampling, reserve=64)

Each function is a call of the engine for all drafts, or a few. Stop strings and token limits of `sampling` are set here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from aha.chat import THINK, THINK_END, Chat
from aha.search.draft import Draft, answering, draw, ending, reopened, thought_length
from aha.search.ledger import Metered
from aha.types import Sampling


def stride(cap: int) -> int:
    """What is left of a cap after a continuation is rounded down to eighths of it: eight calls for any number of drafts."""
    return max(1, cap // 8)


def think(meter: Metered, chat: Chat, drafts: Sequence[Draft], sampling: Sampling, cap: int) -> list[Draft]:
    """`sampling.n` thoughts of at most `cap` tokens from each opening, next to one another, in the drafts' order."""
    rooms = [cap + (0 if THINK in draft.opening else len(chat.encode(THINK))) for draft in drafts]
    return _drawn(meter, drafts, rooms, sampling)


def go_on(
    meter: Metered, chat: Chat, drafts: Sequence[Draft], words: Sequence[str], sampling: Sampling, cap: int
) -> list[Draft]:
    """Each thought with a word in place of what ended it, and what the model thinks then; `room_after` must allow it."""
    longer = [reopened(chat, draft).put(chat.encode(word)) for draft, word in zip(drafts, words, strict=True)]
    return _drawn(meter, longer, [_room(chat, draft, cap) for draft in longer], replace(sampling, n=1))


def room_after(chat: Chat, draft: Draft, word: str, cap: int) -> int:
    """How many tokens a thought may still get, once the word stands in place of its end."""
    return _room(chat, reopened(chat, draft).put(chat.encode(word)), cap)


def conclude(meter: Metered, chat: Chat, drafts: Sequence[Draft], sampling: Sampling, reserve: int) -> list[Draft]:
    """Each thought closed, if it did not close itself, and its answer of at most `reserve` tokens.

    A reply without a thought stays as it is.
    """
    asked = [i for i, draft in enumerate(drafts) if ending(chat, draft) != "stray"]
    ready = [answering(chat, drafts[i]) for i in asked]
    answered = dict(zip(asked, draw(meter, ready, replace(sampling, n=1, max_tokens=reserve)), strict=True))
    return [answered.get(i, draft) for i, draft in enumerate(drafts)]


def _room(chat: Chat, draft: Draft, cap: int) -> int:
    return max(0, cap - thought_length(chat, draft)) // stride(cap) * stride(cap)


def _drawn(meter: Metered, drafts: Sequence[Draft], rooms: Sequence[int], sampling: Sampling) -> list[Draft]:
    """Every draft drawn on to the end of its thought, or as far as its room reaches: one call for each size of room."""
    sharing: dict[int, list[int]] = defaultdict(list)
    for i, room in enumerate(rooms):
        sharing[room].append(i)
    found: dict[int, list[Draft]] = {}
    for room, members in sharing.items():
        drawn = draw(meter, [drafts[i] for i in members], replace(sampling, max_tokens=room, stop=(THINK_END,)))
        found |= {i: drawn[k * sampling.n : (k + 1) * sampling.n] for k, i in enumerate(members)}
    return [draft for i in range(len(drafts)) for draft in found[i]]
