"""Thoughts told in short: by a served model that is asked to, or by a rule that needs none.

    by_rule("44 - 19 = 25 no\\n44 + 35 = 79\\n79 + 19 = 98 yes")
    "44 - 19 = 25 no\\n[… 1 line …]\\n79 + 19 = 98 yes"

A summary is shown where a thought would be; the answer says who made it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aha.chat import render
from aha.errors import AhaError
from aha.rollout.jobs import Job, Piece
from aha.serve.mailbox import Mailbox
from aha.serve.models import Checkpoint
from aha.serve.split import Splitter
from aha.serve.turns import opening
from aha.serve.writing import Delta, Writing
from aha.types import Sampling

WIDTH = 160
"""Characters of a line that the rule keeps."""
TOKENS = 96
"""Tokens of a model's summary at most."""
SECONDS = 20.0
"""How long a model's summary is waited for before the rule stands in."""
REQUEST = "Sum up in one or two sentences how this was thought through.\n\n"


def by_rule(thought: str) -> str:
    """The first and the last line that say something, each cut short, and how many lie between."""
    lines = [line.strip() for line in thought.splitlines() if line.strip()]
    first, last = (line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in (lines[0], lines[-1]))
    between = len(lines) - 2
    gap = [f"[… {between} line{'s' * (between > 1)} …]"] if between > 0 else []
    return "\n".join([first, *gap, last] if len(lines) > 1 else [first])


class Summariser:
    """Says thoughts in short for one request, by `checkpoint` where there is one.

    The rule stands in where the model has no room, is too slow, or says nothing. `told` is what the answer says of it.
    """

    def __init__(self, checkpoint: Checkpoint | None, post: Callable[[list[Piece]], None]) -> None:
        self.checkpoint, self.post = checkpoint, post
        self.told: dict[str, Any] = {"shown": "summary", "by": None, "tokens": 0}

    async def shorten(self, writing: Writing, deltas: list[Delta]) -> list[Delta]:
        """Deltas with the thought's own left out; its summary comes once the thought is over."""
        kept = [delta for delta in deltas if delta.kind != "reasoning"]
        if writing.summary is None and writing.reasoning and (kept or writing.finish):
            writing.summary = await self._summary(writing.reasoning)
            kept.insert(0, Delta("reasoning", writing.summary))
        return kept

    async def _summary(self, thought: str) -> str:
        said = await self._by_model(self.checkpoint, thought) if self.checkpoint else ""
        self.told["by"] = f"model {self.checkpoint.name}" if said and self.checkpoint else "rule: first and last line"
        return said or by_rule(thought)

    async def _by_model(self, c: Checkpoint, thought: str) -> str:
        """What the model says; empty where it cannot."""
        mailbox, writing = Mailbox(), Writing(c.chat, "answer")
        try:
            job = Job(_asked(c, thought), Sampling(1, TOKENS, 0.0), self.post, tag=(mailbox, 0))
            c.live.submit(job)
        except AhaError:  # no room for it now, or never
            return ""
        try:
            for piece in await mailbox.take(SECONDS):
                writing.add(piece)
        finally:
            if writing.finish is None:
                c.live.cancel(job)
        self.told["tokens"] += len(writing.ids)
        return writing.content


def _asked(c: Checkpoint, thought: str) -> list[int]:
    """The question in tokens; of a thought that is too long, its beginning and its end."""
    room = c.live.context - TOKENS - len(_question(c, "\n…\n"))
    ids = c.chat.encode(thought)
    if len(ids) > room:
        half = max(1, room // 2 - 1)
        thought = f"{c.chat.decode(ids[:half])}\n…\n{c.chat.decode(ids[-half:])}"
    return _question(c, thought)


def _question(c: Checkpoint, thought: str) -> list[int]:
    [ids] = c.chat.prompt_ids([render(REQUEST + thought) + opening("answer")])
    return ids


def without_thought(text: str) -> str:
    """A whole reply's answer."""
    splitter = Splitter("start")
    return "".join(said for kind, said in splitter.feed(text) + splitter.end() if kind == "content")
