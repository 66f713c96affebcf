"""What people see while a strategy works: the last things that happened, live on a terminal, as lines elsewhere.

Every text is the model's and hostile: it is shown without markup, with hidden characters written out, on one line.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from threading import Lock
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from aha.page import plain

LINES = 12
"""Things that happened last, kept on the screen."""
STYLES = {"reply": "", "step": "dim", "forced": "yellow", "score": "cyan"}


def one_line(text: object) -> Text:
    """Any text on one line, as it is and no markup, cut at the width of the screen."""
    return Text(plain(text).replace("\n", " ⏎ ").replace("\t", " "), no_wrap=True, overflow="ellipsis")


class SolveScreen:
    """Shows the events of a strategy (`watch`), then what came out (`end`)."""

    def __init__(self, strategy: str, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.strategy, self.began = strategy, time.perf_counter()
        self.lines: deque[Text] = deque(maxlen=LINES)
        self.answers: Counter[str] = Counter()
        self.lock, self.spinner = Lock(), Spinner("dots")
        self.live = Live(console=self.console, get_renderable=self.picture) if self.console.is_terminal else None

    def __enter__(self) -> SolveScreen:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def watch(self, event: dict[str, Any]) -> None:
        """Something happened; may be called from any thread."""
        if event["kind"] == "answer":
            return
        line = described(event)
        with self.lock:
            self.lines.append(line)
            if event["kind"] == "reply":
                self.answers[worded(event["answer"])] += 1
        if not self.live:
            self.console.print(line)

    def picture(self) -> Group:
        """The screen as it is now."""
        seconds = time.perf_counter() - self.began
        with self.lock:
            lines, answers = list(self.lines), self.answers.most_common(6)
        tally = "   ".join(f"{answer}: {count}" for answer, count in answers)
        self.spinner.update(text=one_line(f"{self.strategy}, {seconds:.1f} s   {tally}"))
        return Group(*lines, self.spinner)

    def end(self, found: dict[str, Any], budget: int) -> None:
        """The answer, the votes and the bill."""
        cost = found["cost"]
        judged = {True: "right", False: f"wrong: {found['reason']}", None: "not checked"}[found["right"]]
        if found["answer"] is None:
            answer = f"none: {found['cut_off']} of {found['candidates']} replies were cut off, the others gave none"
        else:
            answer = f"{found['answer']}   ({judged})"
        votes = "   ".join(f"{value}: {weight:.3g}" for value, weight in found["votes"].items()) or "-"
        bill = (
            f"{cost['tokens']} tokens drawn of {budget}, {cost['prompt_tokens']} of prompts, "
            f"{cost['scorer_tokens']} by scorers; "
            f"{cost['passes']} in a row, {cost['flops']:.2g} operations, {cost['seconds']:.2f} s"
        )
        for name, value in (("answer", answer), ("votes", votes), ("cost", bill)):
            line = Text(f"{name:<8}", style="bold") + Text(plain(value).replace("\n", " ⏎ "), style="not bold")
            self.console.print(line)


def worded(answer: object) -> str:
    """An answer in words. Countdown's are pairs: a text, and whether it is the value of the given numbers."""
    if isinstance(answer, tuple):
        return str(answer[0]) if answer[1] else f"{answer[0]} (other numbers)"
    return "no answer" if answer is None else str(answer)


def described(event: dict[str, Any]) -> Text:
    """One event as one line."""
    head = {
        "reply": lambda: f"reply {worded(event['answer']):>12}  {event['tokens']:>4} tokens  ",
        "step": lambda: f"step  {event.get('score', '')!s:>6.6}  ",
        "score": lambda: f"score {event.get('score')!s:>6.6}  ",
        "forced": lambda: "put in  ",
    }.get(event["kind"], lambda: f"{event['kind']}  ")()
    line = one_line(head + str(event.get("text", "")))
    line.stylize(STYLES.get(event["kind"], ""))
    return line
