"""A reply as it streams in, split into its thought and its answer, however the text is cut.

    splitter = Splitter("start")
    splitter.feed("<think>1 + 1 = 2</th")    [("reasoning", "1 + 1 = 2")]
    splitter.feed("ink><answer>2")           [("content", "2")]

White space around either part is dropped, and so are the tags. A tag counts where the template has it and nowhere else:
one that stands inside an answer is text. What might become a tag or be trailing white space is held back.
"""

from __future__ import annotations

from typing import Literal

from aha.chat import ANSWER, ANSWER_END, THINK, THINK_END

Begin = Literal["start", "opened", "answer"]
"""What the prompt ends with: the bare turn, an open thought, or an open answer."""
Part = tuple[Literal["reasoning", "content"], str]


def overlap(text: str, tag: str) -> int:
    """How many of the text's last characters might be the beginning of `tag`."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)


class Splitter:
    """Takes a reply's text bit by bit (`feed`, then `end`) and gives it back in parts."""

    def __init__(self, begin: Begin) -> None:
        self.state: str = begin
        """start, opened (a thought, whose tag may be repeated), thought, between, answer, or plain."""
        self.rest, self.at = "", 0
        self.thought_begin: int | None = 0 if begin == "opened" else None
        """Where the thought begins and ends in the reply's text; None where it does not."""
        self.thought_end: int | None = None
        self.space, self.begun = "", False
        self.parts: list[Part] = []

    def feed(self, text: str) -> list[Part]:
        """The parts that are certain with this much more text."""
        self.rest += text
        while self._go():
            pass
        return self._taken()

    def end(self) -> list[Part]:
        """What was held back, now that nothing follows: half a tag is text."""
        kind: Literal["reasoning", "content"] = "reasoning" if self.state in ("opened", "thought") else "content"
        self._emit(kind, len(self.rest))
        return self._taken()

    @property
    def closed(self) -> bool:
        """Whether the thought, if there is one, has ended."""
        return self.state not in ("opened", "thought")

    def _taken(self) -> list[Part]:
        taken, self.parts = self.parts, []
        return taken

    def _go(self) -> bool:
        """One stretch of text; False where more must be seen first."""
        if self.state in ("start", "opened", "between"):
            return self._tag(*{
                "start": (THINK, "thought", "between"), "opened": (THINK, "thought", "thought"),
                "between": (ANSWER, "answer", "plain"),
            }[self.state])  # fmt: skip
        if self.state == "thought":
            return self._until("reasoning", THINK_END, "between")
        if self.state == "answer":
            return self._until("content", ANSWER_END, "plain")
        self._emit("content", len(self.rest))
        return False

    def _tag(self, tag: str, found: str, other: str) -> bool:
        """Skip white space and a tag that may stand here."""
        self._skip(len(self.rest) - len(self.rest.lstrip()))
        if len(self.rest) < len(tag) and tag.startswith(self.rest):
            return False
        if self.rest.startswith(tag):
            self._skip(len(tag))
            if found == "thought":
                self.thought_begin = self.at
            other = found
        self.state = other
        return True

    def _until(self, kind: Literal["reasoning", "content"], tag: str, following: str) -> bool:
        end = self.rest.find(tag)
        if end < 0:
            self._emit(kind, len(self.rest) - overlap(self.rest, tag))
            return False
        self._emit(kind, end)
        if kind == "reasoning":
            self.thought_end = self.at
            self.space, self.begun = "", False
        self._skip(len(tag))
        self.state = following
        return True

    def _skip(self, count: int) -> None:
        self.rest, self.at = self.rest[count:], self.at + count

    def _emit(self, kind: Literal["reasoning", "content"], count: int) -> None:
        """Give out the next characters, but white space only once something follows it."""
        text = self.rest[:count]
        self._skip(count)
        text = self.space + text if self.begun else text.lstrip()
        kept = text.rstrip()
        self.space = text[len(kept) :]
        if kept:
            self.begun = True
            self.parts.append((kind, kept))


class Stops:
    """Finds stop strings in a text that streams in; they are cut off, and so is what follows."""

    def __init__(self, strings: tuple[str, ...]) -> None:
        self.strings, self.rest, self.hit = strings, "", False

    def feed(self, text: str) -> str:
        """The text that certainly stands before any stop string."""
        if not self.strings:
            return text
        self.rest += text
        found = [at for string in self.strings if (at := self.rest.find(string)) >= 0]
        if found:
            self.hit = True
        keep = min(found) if found else len(self.rest) - max(overlap(self.rest, string) for string in self.strings)
        out, self.rest = self.rest[:keep], self.rest[keep:]
        return out

    def end(self) -> str:
        """What was held back in vain."""
        out, self.rest = "" if self.hit else self.rest, ""
        return out


class Text:
    """Tokens into text, bit by bit: a character whose bytes come in several tokens waits until it is whole."""

    def __init__(self, chat: object) -> None:
        self.decode = chat.decode  # type: ignore[attr-defined]
        self.pending, self.given = list[int](), 0

    def feed(self, ids: list[int]) -> str:
        """The text that these tokens complete."""
        self.pending += ids
        text: str = self.decode(self.pending)
        sure = text.rstrip("\ufffd")
        new, self.given = sure[self.given :], len(sure)
        if sure == text:
            self.pending, self.given = [], 0
        return new

    def end(self) -> str:
        """What stays incomplete, as replacement characters."""
        text: str = self.decode(self.pending)[self.given :]
        self.pending, self.given = [], 0
        return text
