"""Counters of a server, as Prometheus reads them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

OUTCOMES = ("success", "aborted", "error", "rejected")
"""How a request can end; every request to a completions endpoint is counted once, under one of them."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Histogram:
    """How many observations lie at or below each bound."""

    def __init__(self) -> None:
        self.counts, self.sum = [0] * (len(SECONDS) + 1), 0.0

    def add(self, seconds: float) -> None:
        """One observation."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds

    def lines(self, name: str, about: str) -> Iterable[str]:
        """The text of this histogram."""
        yield from (f"# HELP {name} {about}", f"# TYPE {name} histogram")
        below = 0
        for bound, count in zip((*SECONDS, "+Inf"), self.counts, strict=True):
            below += count
            yield f'{name}_bucket{{le="{bound}"}} {below}'
        yield from (f"{name}_sum {self.sum}", f"{name}_count {below}")


class Metrics:
    """What a server has done."""

    def __init__(self) -> None:
        self.outcomes = Counter[str]()
        self.active = 0
        self.reply_tokens = Counter[str]()
        self.prompt_tokens = Counter[str]()
        self.first, self.whole = Histogram(), Histogram()

    def text(self, gauges: Iterable[tuple[str, str, dict[str, float]]]) -> str:
        """All of it. `gauges` are a name, what it is, and its value for each model."""
        lines = ["# HELP aha_requests_total Requests that ended, by how.", "# TYPE aha_requests_total counter"]
        lines += [f'aha_requests_total{{outcome="{name}"}} {self.outcomes[name]}' for name in OUTCOMES]
        lines += ["# HELP aha_requests_active Requests being answered.", "# TYPE aha_requests_active gauge"]
        lines += [f"aha_requests_active {self.active}"]
        for name, about, values in (
            ("aha_reply_tokens_total", "Tokens of replies, thoughts included.", self.reply_tokens),
            ("aha_prompt_tokens_total", "Tokens of prompts.", self.prompt_tokens),
        ):
            lines += [f"# HELP {name} {about}", f"# TYPE {name} counter", *_by_model(name, values)]
        for name, about, gauge in gauges:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge", *_by_model(name, gauge)]
        lines += self.first.lines("aha_first_token_seconds", "Seconds to the first token.")
        lines += self.whole.lines("aha_request_seconds", "Seconds to the last token.")
        return "\n".join(lines) + "\n"


def _by_model(name: str, values: dict[str, float] | Counter[str]) -> list[str]:
    escaped = {
        key.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"): value for key, value in values.items()
    }
    return [f'{name}{{model="{key}"}} {value}' for key, value in escaped.items()]
