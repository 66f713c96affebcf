"""One word -> its code: one character that says which languages the word may be of, and how surely.

A Latin word's code is `kind + languages`, where the languages are a sum of bits and the kind is
    LISTED   in `words.txt`, or certain by its letters
    GUESSED  by its letters, so that its neighbours may overrule it
    NAMED    with a capital: a name, unless it opens a sentence or its neighbours are of its languages
Other scripts have one code each, and what is no word (a number, a variable, a unit) has none.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from functools import cache
from operator import add
from pathlib import Path

LETTERS = {"en": "", "de": "äöüß", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúü"}
"""The Latin languages, and what each writes beside a to z."""

BIT = {language: 1 << i for i, language in enumerate(LETTERS)}
ANY = sum(BIT.values())
LISTED, GUESSED, NAMED = 0x80, 0x90, 0xA0

CHINESE, JAPANESE, RUSSIAN, OTHER = "z", "j", "r", "o"
HAN, KANA = "h", "k"
"""A character of Chinese or Japanese, and one of Japanese only."""
COMMA, STOP = " ", "."
"""Marks within a sentence and at its end; they have codes, but are no words."""

WORD = re.compile(
    r"[0-9A-Za-z_À-ÖØ-öø-ɏ\u1e00-\u1eff'’]++|[.,:](?![0-9])|[;!?()\n。，、！？；：…]"
    r"|[\u3041-\u30fa\u30fc\u3005\u3400-\u9fff]|[\u0400-\u04ff]++|[\u0370-\u03ff\u0530-\u1dff\uac00-\ud7ff]++"
)
"""A word of letters, a character of Chinese or Japanese, or a mark."""

_LETTER = re.compile(r"[^\W\d_]")
_MARKS = frozenset(".,:;!?()\n。，、！？；：…")

_UNIT, _FIELD = 1 << 16, 32
_ONES = (1 << _FIELD) - 1
_SURE, _CERTAIN = 6 * _UNIT, 12 * _UNIT
"""How much likelier (log) its letters must make a word in one language, to guess it and to be certain. Of 8,848
frequent words of the four languages that are not listed, 98 % of the guesses and 99.9 % of the certain are right."""

_GERMAN_NOUN = re.compile(r"(?:ung|ungen|heit|heiten|keit|keiten|schaft|schaften|tät)$")
_FRENCH_HEADS = frozenset(
    ["l", "d", "j", "n", "s", "c", "m", "t", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu"]
)
_ENGLISH_TAILS = frozenset(["s", "t", "d", "m", "ll", "re", "ve"])
_ASCII_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_NOT_RUSSIAN = frozenset("іїєґўјљњћђџ")
_MOST_PIECES, _LONGEST_PIECE = 200_000, 40


class Codes(dict[str, str]):
    """`CODES[piece]`: the codes of the words in a piece of text, kept for pieces met before until they are too many."""

    def __missing__(self, piece: str) -> str:
        if len(self) > _MOST_PIECES:
            self.clear()
        if not _LETTER.search(piece):
            codes = _code_of_mark(piece[-1]) if piece and piece[-1] in _MARKS else ""
        else:
            codes = "".join(map(_code, [piece] if piece in chinese_words() else WORD.findall(piece)))
        if len(piece) <= _LONGEST_PIECE:
            self[piece] = codes
        return codes


CODES = Codes()


def language_of(languages: int) -> str:
    """The code of a Latin word that is certainly of these languages."""
    return chr(LISTED + languages)


def _code(word: str) -> str:
    first = word[0]
    if first < "ɐ":
        return _code_of_latin(word) if first.isalnum() or first in "_'" else _code_of_mark(word)
    if "\u0400" <= first <= "\u04ff":
        return OTHER if _NOT_RUSSIAN & set(word.lower()) else RUSSIAN
    if "\u3041" <= first <= "\u30fc":
        return KANA
    if "\u3005" <= first <= "\u9fff":
        return _code_of_han(word)
    if first.isalpha():
        return OTHER if len(word) > 1 else ""
    return _code_of_latin(word) if first == "’" else _code_of_mark(word)


def _code_of_mark(mark: str) -> str:
    return STOP if mark in ".:!?\n。！？：…" else COMMA


def _code_of_han(word: str) -> str:
    """By the countries' character sets, the plainest lists of what their people write."""
    if len(word) > 1 or not _is_in(word, "shift_jis"):
        return CHINESE * len(word)
    return HAN if _is_in(word, "gb2312") or _is_in(word, "big5") else JAPANESE


def _is_in(character: str, charset: str) -> bool:
    try:
        return bool(character.encode(charset))
    except UnicodeEncodeError:
        return False


def _code_of_latin(word: str) -> str:
    word = word.replace("’", "'").strip("'")
    lower = word.lower()
    head, _, tail = lower.partition("'")
    if (
        not 1 < len(word) <= _LONGEST_PIECE
        or not head.isalpha()
        or not (word.islower() or word.isupper() or word[1:].islower())
    ):
        return ""  # a variable, a number, or a name from code
    known = latin_words()
    listed = known.get(word, known.get(lower))
    if tail and listed is None:
        return _code_of_elided(word, head, tail)
    if word.islower():
        return _code_by_letters(lower) if listed is None else chr(LISTED + listed) if listed else ""
    if listed == BIT["de"] or _GERMAN_NOUN.search(word):
        return language_of(BIT["de"])  # which writes its nouns with a capital
    if len(word) < 4 and word.isupper():
        return chr(NAMED + ANY)  # an abbreviation, even where it looks like a word: US
    if listed is not None:
        return chr(NAMED + listed) if listed else ""
    guess = _code_by_letters(lower)
    return chr(GUESSED + BIT["de"]) if guess == language_of(BIT["de"]) else chr(NAMED + ANY)


def _code_of_elided(word: str, head: str, tail: str) -> str:
    if head in _FRENCH_HEADS:
        return language_of(BIT["fr"])
    if tail in _ENGLISH_TAILS:
        if word[0].isupper():
            return chr(GUESSED + BIT["en"])
        stem = latin_words().get(head, ANY)
        return language_of(BIT["en"] if stem & BIT["en"] else stem)
    return chr(NAMED + ANY)


def _code_by_letters(word: str) -> str:
    languages = ANY
    if not word.isascii():
        special = set(word) - _ASCII_LETTERS
        languages = sum(bit for language, bit in BIT.items() if special <= set(LETTERS[language]))
    if len(word) < 4 or not languages:
        return chr(NAMED + languages) if languages else OTHER  # a variable or a unit, more often than a word
    unlikely, unseen = _letter_model()
    total = sum([unlikely.get(gram, unseen) for gram in _grams(word)])
    scores = [(total >> _FIELD * i & _ONES, bit) for i, bit in enumerate(BIT.values()) if bit & languages]
    best, certain, guessed = min(scores)[0], 0, 0
    for score, bit in scores:
        certain += bit if score < best + _CERTAIN else 0
        guessed += bit if score < best + _SURE else 0
    return chr((LISTED if certain == guessed & -guessed else GUESSED) + guessed)


def _grams(word: str) -> list[str]:
    framed = f"^{word}$"
    pairs = [*map(add, framed, framed[1:])]
    return pairs + [*map(add, pairs, framed[2:])]


@cache
def _letter_model() -> tuple[dict[str, int], int]:
    """How unlikely (minus log) every pair and triple of letters is in each language's listed words, and one in none.

    The four numbers stand side by side in one, so that adding these adds all four.
    """
    seen: dict[str, list[int]] = defaultdict(lambda: [0] * len(BIT))
    for word, languages in latin_words().items():
        for i, bit in enumerate(BIT.values()):
            if languages & bit:
                for gram in _grams(word):
                    seen[gram][i] += 1
    totals = [sum(row[i] for row in seen.values()) + len(seen) / 2 for i in range(len(BIT))]

    def unlikely(counts: list[int]) -> int:
        logs = [math.log(t / (n + 0.5)) for n, t in zip(counts, totals, strict=True)]
        return sum(round(log * _UNIT) << _FIELD * i for i, log in enumerate(logs))

    return {gram: unlikely(row) for gram, row in seen.items()}, unlikely([0] * len(BIT))


@cache
def latin_words() -> dict[str, int]:
    """The languages of every listed Latin word, as bits: none for units, all for names."""
    languages = {"names": ANY, "none": 0} | BIT
    found: dict[str, int] = {}
    for section, words in _listed().items():
        found |= {word: found.get(word, 0) | languages[section] for word in words if section in languages}
    return found


@cache
def chinese_words() -> frozenset[str]:
    """Listed words of Chinese, written with characters that Japanese has too, that Japanese does not use."""
    return frozenset(_listed()["zh"])


@cache
def _listed() -> dict[str, list[str]]:
    text = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    sections = re.findall(r"^\[(\w+)\]\n([^\[]*)", text, re.MULTILINE)
    return {section: words.split() for section, words in sections}
