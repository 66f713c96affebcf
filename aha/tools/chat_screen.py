"""How a conversation looks in a terminal. Every word of the model is hostile: hidden characters are written out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from aha.page import plain

if TYPE_CHECKING:
    from aha.serve.writing import Delta, Writing

PROMPT = "> "


class ChatScreen:
    """Reads the user's lines and shows replies. `thoughts` are shown as they come, or in the end as one line."""

    def __init__(self, thoughts: bool, console: Console | None = None) -> None:
        self.thoughts, self.console = thoughts, console or Console(highlight=False)

    def lines(self) -> Iterator[str]:
        """What the user types, until the end of the file; at a terminal with a history of earlier lines."""
        if not sys.stdin.isatty():
            yield from sys.stdin
            return
        import readline  # noqa: F401  it gives `input` its history

        while True:
            try:
                yield input(PROMPT)
            except (EOFError, KeyboardInterrupt):
                self.console.print()
                return

    def say(self, text: str) -> None:
        """A line that is not the model's."""
        self.console.print(Text(plain(text), style="dim"))

    def waiting(self, text: str) -> AbstractContextManager[Any]:
        """A sign of life while nothing can be shown; none where this is no terminal."""
        return self.console.status(Text(plain(text), style="dim")) if self.console.is_terminal else nullcontext()

    @contextmanager
    def reply(self, writing: Writing) -> Iterator[Callable[[Sequence[Delta]], None]]:
        """Within it, what it gives shows bits of the reply that `writing` reads."""
        shown = _Shown(self, writing)
        with shown.status or nullcontext():
            yield shown.add
        shown.end()


class _Shown:
    """One reply on the screen."""

    def __init__(self, screen: ChatScreen, writing: Writing) -> None:
        self.screen, self.writing, self.began = screen, writing, time.perf_counter()
        self.console, self.open, self.answering = screen.console, screen.thoughts, False
        terminal = self.console.is_terminal and not self.open
        self.status = self.console.status(Text("thinking", style="dim")) if terminal else None

    def add(self, deltas: Sequence[Delta]) -> None:
        """Show what came."""
        for delta in deltas:
            if delta.kind == "content":
                self._answer()
                self.console.out(plain(delta.text), end="", highlight=False)
            elif self.open:
                self.console.out(plain(delta.text), end="", style="dim", highlight=False)
        if self.status and not self.answering:
            seconds, drawn = time.perf_counter() - self.began, len(self.writing.ids)
            self.status.update(Text(f"thinking, {seconds:.0f} s, {drawn} token{'s' * (drawn != 1)}", style="dim"))

    def _answer(self) -> None:
        """The answer begins: the thought becomes one line."""
        if self.answering:
            return
        self.answering = True
        if self.status:
            self.status.stop()
        self._fold("")

    def _fold(self, how: str) -> None:
        if self.writing.reasoning or how:
            if self.open:
                self.console.print()
            seconds, tokens = time.perf_counter() - self.began, self.writing.reasoning_tokens
            self.screen.say(f"Thought for {seconds:.0f} s, {tokens} token{'s' * (tokens != 1)}{how}")

    def end(self) -> None:
        """Nothing more comes."""
        cut = self.writing.finish == "length"
        if not self.answering:
            self._fold(", and was cut off before it answered" if cut else " and did not answer")
            return
        self.console.print()
        if cut:
            self.screen.say("(cut off)")
