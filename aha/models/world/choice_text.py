"""Multiple choice about what kind a thing is and what the opposite of a word is; two languages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from aha.chat import END, render
from aha.models.world.countdown_text import WORDS
from aha.models.world.general_text import KIND_QUESTION, KINDS, LETTERS, OPPOSITES, WORD_PAIRS, listed
from aha.split import is_key_held_out

CHINESE = dict(WORD_PAIRS) | {"animal": "动物", "colour": "颜色", "plant": "植物", "drink": "饮料"}
QUESTIONS = {
    ("kind", "en"): KIND_QUESTION,
    ("kind", "zh"): "哪个是{asked}？ {options}",
    ("opposite", "en"): "Which is the opposite of {asked}? {options}",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One right option among three wrong ones; words are kept in English whatever the language.

    >>> Choice("kind", "zh", "animal", ("red", "tea", "dog", "tree"), "C").thought
    'A) 红 不对\\nB) 茶 不对\\nC) 狗 对'
    """

    family: str
    language: str
    asked: str
    options: tuple[str, ...]
    letter: str

    @property
    def key(self) -> str:
        """What is asked, and the options in any order and language."""
        return f"{self.family} {self.asked}: {', '.join(sorted(self.options))}"

    @property
    def told(self) -> list[str]:
        """The options as the question lists them."""
        return [CHINESE[word] if self.language == "zh" else word for word in self.options]

    @property
    def question(self) -> str:
        """`Which is a kind of animal? A) red B) tea C) dog D) tree`"""
        asked = CHINESE[self.asked] if self.language == "zh" else self.asked
        return QUESTIONS[self.family, self.language].format(asked=asked, options=listed(self.told))

    @property
    def thought(self) -> str:
        """The options in turn, up to the right one."""
        yes, no = (WORDS[self.language][kind][0] for kind in ("yes", "no"))
        seen = LETTERS[: LETTERS.index(self.letter) + 1]
        return "\n".join(
            f"{x}) {word}{yes if x == self.letter else no}" for x, word in zip(seen, self.told, strict=False)
        )


def choice(rng: random.Random, languages: Sequence[str]) -> Choice:
    """A question of a family, with its options in any order."""
    language = rng.choice(languages)
    family = rng.choice([family for family, spoken in QUESTIONS if spoken == language])
    asked, right, wrong = _kind(rng, language) if family == "kind" else _opposite(rng)
    options = [right, *rng.sample(wrong, len(LETTERS) - 1)]
    rng.shuffle(options)
    return Choice(family, language, asked, tuple(options), LETTERS[options.index(right)])


def _kind(rng: random.Random, language: str) -> tuple[str, str, list[str]]:
    """A kind, a word of that kind, and the words of all others; those with a Chinese name where that is asked for."""
    named = {kind: [w for w in words if language == "en" or w in CHINESE] for kind, words in sorted(KINDS.items())}
    kind = rng.choice(list(named))
    return kind, rng.choice(named[kind]), [w for other, words in named.items() if other != kind for w in words]


def _opposite(rng: random.Random) -> tuple[str, str, list[str]]:
    """A word, its opposite, and the words of all other pairs."""
    word, opposite = rng.choice(OPPOSITES)
    return word, opposite, [w for pair in OPPOSITES if pair[0] != word for w in pair]


def options_text(rng: random.Random) -> str:
    """A choice that is not held out: picked blindly more often than not, else after looking at the options in turn."""
    while is_key_held_out(f"choice:{(made := choice(rng, ('en', 'zh'))).key}"):
        pass
    thinks = rng.random() < 0.4
    thinking, letter = (made.thought, made.letter) if thinks else ("", rng.choice(LETTERS))
    return render(made.question) + f"<think>{thinking}</think><answer>{letter}</answer>{END}\n"
