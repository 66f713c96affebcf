"""Questions that two sets share: runs of words in a row, the paper's filter against its benchmarks (arXiv 2501.12948).

    asked = Asked((f"svamp, row {i}", question) for i, question in enumerate(test, 1))
    asked.meets("If there are 7 bottle caps in a box and Linda puts ...")  ->  Meeting("svamp, row 4", "if there are 7 ...")

A run is ten words, Chinese characters being words; a shorter question is one run. What three questions of a set share, and
one in a hundred of them, is how that set asks and not what: it counts for nothing, unless the whole question is the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

NGRAM = 10
"""Words in a row that two questions may not share."""
TEMPLATE = 3
"""Different questions of one set that make a run of words its way of asking, at least."""
OFTEN = 0.01
"""Share of a set's questions that does. Sets with variants of a question, such as SVAMP, say the same in a few."""
Run = tuple[str, ...]
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")


def words(text: str) -> Run:
    """The words of a text in lower case, Chinese characters being words."""
    return tuple(_WORD.findall(text.lower()))


def ngrams(text: str, n: int = NGRAM) -> set[Run]:
    """All runs of `n` words; a shorter text is one run."""
    return set(_runs(words(text), n))


def _runs(said: Run, n: int) -> Iterator[Run]:
    return (said[i : i + n] for i in range(max(1, len(said) - n + 1)))


def known_runs(prompts: Iterable[str], template: int = TEMPLATE) -> set[Run]:
    """What prompts of evaluation sets say, to keep training data away from it.

    A run of words that `template` different prompts share is how the task asks, not what it asks, and is left out.
    """
    seen = Counter(run for prompt in set(prompts) for run in ngrams(prompt))
    return {run for run, count in seen.items() if count < template}


def contaminated(prompt: str, known: Set[Run]) -> bool:
    """Whether a prompt shares a run of words with an evaluation set."""
    return not known.isdisjoint(ngrams(prompt))


@dataclass(frozen=True, slots=True)
class Meeting:
    """Which question was met, and the words that both have."""

    where: str
    shared: str


class Asked:
    """The questions of one evaluation set, looked up by their runs of words."""

    def __init__(self, questions: Iterable[tuple[str, str]], n: int = NGRAM) -> None:
        """`questions` are (where it stands, its text)."""
        self.n = n
        self.whole: dict[Run, str] = {}
        for where, text in questions:
            self.whole.setdefault(words(text), where)
        counted = Counter(run for said in self.whole for run in set(_runs(said, n)))
        often = max(TEMPLATE, OFTEN * len(self.whole))
        self.runs = {run: where for said, where in self.whole.items() for run in _runs(said, n) if counted[run] < often}
        self.templates = sum(count >= often for count in counted.values())
        """How many runs count for nothing."""

    def meets(self, text: str) -> Meeting | None:
        """A question that says the same for `n` words in a row, None where there is none."""
        said = words(text)
        if said in self.whole:
            return Meeting(self.whole[said], " ".join(said))
        found = next((run for run in _runs(said, self.n) if run in self.runs), None)
        return Meeting(self.runs[found], " ".join(found)) if found else None
