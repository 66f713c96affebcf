"""One choice of an answer while it is written: tokens in, deltas out, and in the end its counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aha.chat import Chat
from aha.rollout.jobs import Piece
from aha.serve.split import Begin, Splitter, Stops, Text


@dataclass(slots=True)
class Delta:
    """A bit of a choice: text of one kind, or only log-probabilities."""

    kind: str
    text: str
    logprobs: list[dict[str, Any]] = field(default_factory=list)


class Writing:
    """Reads the pieces of one sample. `raw` leaves the text whole, tags and all.

    `stop` strings end the answer, and a thought only `in_thoughts`. `unclosed` tells what a reply is that ends by itself without
    closing its thought: "reasoning" leaves it a thought, "content" gives it out as the answer as well.
    """

    def __init__(
        self, chat: Chat, begin: Begin, stop: tuple[str, ...] = (), raw: bool = False, logprobs: bool = False,
        unclosed: str = "reasoning",
        in_thoughts: bool = False,
    ) -> None:  # fmt: skip
        self.chat, self.raw, self.logprobs, self.unclosed = chat, raw, logprobs, unclosed
        self.in_thoughts = in_thoughts
        self.text, self.splitter, self.stops = Text(chat), Splitter(begin), Stops(stop)
        self.ids: list[int] = []
        self._ending_by: dict[int, int] = {}
        self.reasoning, self.content = "", ""
        self.summary: str | None = None
        """What is shown in place of the thought."""
        self.finish: str | None = None
        self.noted: list[dict[str, Any]] = []
        self.all_logprobs: list[dict[str, Any]] = []

    def add(self, piece: Piece) -> list[Delta]:
        """What this piece adds. After a stop string nothing more is added."""
        if self.finish is not None:
            return []
        single = bool(self.stops.strings or self.logprobs)
        steps = range(len(piece.token_ids)) if single else [slice(None)]
        deltas: list[Delta] = []
        for i in steps:
            ids = [piece.token_ids[i]] if isinstance(i, int) else piece.token_ids
            self.ids += ids
            before = self.splitter.state
            deltas += self._split(self.text.feed(ids))
            if isinstance(i, int) and self.logprobs and self._answers(ids[0], before):
                self.noted.append(self._noted(ids[0], piece.logprobs[i], piece.top[i] if piece.top else []))
                self.all_logprobs.append(self.noted[-1])
            if self.stops.hit:
                self.finish = "stop"
                return self._with_logprobs(deltas, last=True)
        if piece.finish is not None:
            self.finish = piece.finish
            deltas += self._ended()
        return self._with_logprobs(deltas, last=piece.finish is not None)

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the thought, without its tags and without the end mark."""
        begin, end = self.splitter.thought_begin, self.splitter.thought_end
        if begin is None:
            return 0
        last = len(self.ids) - (bool(self.ids) and self.ids[-1] in self.chat.end_ids)
        stop = last if end is None else self._before(end)
        return max(0, min(stop, last) - (0 if begin == 0 else self._before(begin)))

    def _before(self, at: int) -> int:
        """How many tokens end at or before character `at` of the reply, by halving; kept once later ones are there."""
        if at in self._ending_by:
            return self._ending_by[at]
        low, high = 0, len(self.ids)
        while low < high:
            middle = (low + high) // 2
            if len(self.chat.decode(self.ids[: middle + 1])) > at:
                high = middle
            else:
                low = middle + 1
        if low < len(self.ids):
            self._ending_by[at] = low
        return low

    def _split(self, text: str) -> list[Delta]:
        answers = self.splitter.closed or self.in_thoughts
        parts = self.splitter.feed(text)
        if not self.raw:
            return self._out(parts)
        return self._out([("content", text)]) if answers else self._shown("content", text)

    def _ended(self) -> list[Delta]:
        rest = self.text.end()
        parts = self.splitter.feed(rest) + self.splitter.end()
        deltas = self._out([("content", rest)] if self.raw else parts)
        if last := self.stops.end():
            deltas += self._shown("content", last)
        unfinished = self.finish == "stop" and not self.splitter.closed and not self.raw
        if unfinished and self.unclosed == "content" and self.reasoning:
            deltas += self._shown("content", self.reasoning)
        return deltas

    def _out(self, parts: list[tuple[Any, str]]) -> list[Delta]:
        deltas: list[Delta] = []
        for kind, text in parts:
            deltas += self._shown(kind, self.stops.feed(text) if kind == "content" else text)
            if self.stops.hit:
                break
        return deltas

    def _shown(self, kind: str, text: str) -> list[Delta]:
        if not text:
            return []
        if kind == "content":
            self.content += text
        else:
            self.reasoning += text
        return [Delta(kind, text)]

    def _answers(self, token: int, before: str) -> bool:
        """Whether the token just read belongs to what is shown as content; `before` is the state before it."""
        if token in (*self.chat.end_ids, self.chat.pad_id):
            return False
        now = self.splitter.state
        return self.raw or (self.splitter.begun and now in ("answer", "plain") and (before, now) != ("answer", "plain"))

    def _noted(self, token: int, logprob: float, top: list[tuple[int, float]]) -> dict[str, Any]:
        return self._worded(token, logprob) | {"top_logprobs": [self._worded(*pair) for pair in top]}

    def _worded(self, token: int, logprob: float) -> dict[str, Any]:
        text = self.chat.tokenizer.decode([token], skip_special_tokens=False)
        return {"token": text, "logprob": logprob, "bytes": list(text.encode(errors="replace"))}

    def _with_logprobs(self, deltas: list[Delta], last: bool) -> list[Delta]:
        """Hang what was noted on the first delta of content, or on an empty one at the very end."""
        if not self.noted:
            return deltas
        for delta in deltas:
            if delta.kind == "content":
                delta.logprobs, self.noted = self.noted, []
                return deltas
        if last:
            deltas.append(Delta("content", "", self.noted))
            self.noted = []
        return deltas
