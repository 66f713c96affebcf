"""Which languages a text's words are in, word by word.

    language_shares("First 我们 compute the sum")  ->  {"en": 0.67, "zh": 0.33}

A word is a Latin word of two letters or more, one character of Chinese or Japanese, or a word of another script: the
unit of the language reward. Numbers, code, formulas, links and units are left out, and so are single Latin letters,
which are variables more often than words.

The script decides where it can. Latin words are looked up in `words.txt`, and judged by their letters where they are
not listed. A word that several languages share, and a name, belongs to the words around it. Every word becomes one
character (`codes.py`), and the rest is done on the string of these.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from functools import cache
from operator import eq

from aha.errors import ConfigError
from aha.language.codes import BIT, CODES, COMMA, GUESSED, LISTED, NAMED, STOP, chinese_words
from aha.language.context import LANGUAGE_OF, MARKS, decide

LANGUAGES = {
    "en": "English", "zh": "Chinese", "de": "German", "fr": "French", "es": "Spanish", "ja": "Japanese",
    "ru": "Russian",
}  # fmt: skip
"""The languages that are told apart, by code."""

_ASIDE = re.compile(
    r"(```[^`]*+(?:`(?!``)[^`]*+)*+(?:```)?|`[^`\n]+`"
    r"|\$\$[^$]*+(?:\$\$)?|\$(?!\s)[^$\n]*(?<!\s)\$(?!\d)"  # no space within the dollars, so that prices are none
    r"|\\\[[^\\]*+(?:\\(?!\])[^\\]*+)*+(?:\\\])?|\\\([^\\]*+(?:\\(?!\))[^\\]*+)*+(?:\\\))?"
    r"|\\begin\{[^\\]*+(?:\\(?!end\{)[^\\]*+)*+(?:\\end\{\w*\*?\})?|\\[A-Za-z]+"
    r"|https?://[!-~]+|www\.[!-~]+|</?[a-z]+>)"
)
"""Code, formulas, links and tags; what is opened and never closed runs to the end."""
_MARKS_OF_ASIDES = ("`", "$", "\\", "http", "www.", "<")
"""Each of these has one of them."""

_PROSE = re.compile(r"(?<![^\W_])(?:[^\W\d_]{2,}+[ ,.;:'’-]+){3,}[^\W\d_]{2,}+|[\u3041-\u30ff\u3400-\u9fff、，。]{8,}+")
_HAN_OR_KANA = re.compile(r"[\u3005-\u9fff]")
_PIECE = re.compile(r"[!-\u2fff]++|[\u3000-\u9fff\uff00-\uffef\n]|[\uac00-\ud7ff]++")
_KANA = re.compile(r"[\u3041-\u30fa]")

_NO_WORDS = frozenset({*MARKS, chr(NAMED + sum(BIT.values()))})
_PURE = {
    language: _NO_WORDS | {chr(kind + n) for kind in (LISTED, GUESSED, NAMED) for n in range(16) if n & bit}
    for language, bit in BIT.items()
}
"""The codes in a text of one Latin language."""

_LONGEST_LOOP = 8


def check_language(code: str) -> str:
    """The code itself. Raises ConfigError, with the known ones, for a language that is not told apart here."""
    if isinstance(code, str) and code in LANGUAGES:
        return code
    names = {name.lower(): known for known, name in LANGUAGES.items()} | {known: known for known in LANGUAGES}
    close = difflib.get_close_matches(str(code).lower(), names, n=1)
    hint = f"did you mean {names[close[0]]!r}? " if close else ""
    known = ", ".join(f"{known} ({name})" for known, name in LANGUAGES.items())
    raise ConfigError(f"unknown language {code!r}: {hint}use one of {known}")


def share_in(text: str, language: str) -> float | None:
    """The share of a text's words that are in `language`, from 0 to 1, or None for a text without words.

    A word that `language` shares with others counts for it where nothing around the word decides. Raises ConfigError
    for an unknown language.
    """
    counts = count_words(text, check_language(language))
    total = sum(counts.values())
    return counts.get(language, 0) / total if total else None


def language_shares(text: str) -> dict[str, float]:
    """The share of each language in a text's words, "other" being any that is not known. Empty without words."""
    counts = count_words(text)
    total = sum(counts.values())
    return {language: count / total for language, count in counts.items()}


def count_words(text: str, prefer: str = "en") -> dict[str, int]:
    """How many words of each language a text has. `prefer` gets the shared words that nothing around them decides.

    Sentences inside code or formulas count too where they outweigh everything outside: a thought that is wrapped
    whole is still read. In a text of several languages, a phrase of up to eight words repeated without end counts
    twice, so that repeating it does not outweigh words of another language.
    """
    if not any(map(text.__contains__, _MARKS_OF_ASIDES)):
        return _count(text, prefer)
    pieces = _ASIDE.split(text)
    spoken, aside = " ".join(pieces[::2]), "\n".join(pieces[1::2])
    counts = _count(spoken, prefer)
    if 8 * len(aside) > len(spoken):  # less has no room for more words, in whatever language
        wrapped = _count("\n".join(_PROSE.findall(aside)), prefer)
        if sum(wrapped.values()) > sum(counts.values()):
            return dict(Counter(counts) + Counter(wrapped))
    return counts


def _count(text: str, prefer: str) -> dict[str, int]:
    words = _split(text)
    codes = "".join(map(CODES.__getitem__, words))
    kinds = set(codes)
    if kinds <= _NO_WORDS:
        return {}
    for language in (prefer, *BIT):
        if kinds <= _PURE.get(language, _NO_WORDS):
            return {language: len(codes) - codes.count(COMMA) - codes.count(STOP)}
    counts = _decided(codes, prefer)
    if len(counts) > 1 and _is_looped(words):
        return _decided("".join(map(CODES.__getitem__, _without_loops(words))), prefer)
    return counts


def _decided(codes: str, prefer: str) -> dict[str, int]:
    codes = decide(codes, prefer)
    return {language: codes.count(code) for code, language in LANGUAGE_OF.items() if code in codes}


def _is_looped(words: list[str]) -> bool:
    """Whether a tenth of the words or more say what has been said, so that loops are worth looking for."""
    if len(set(words)) > 0.4 * len(words):
        return False
    return len(set(zip(words, words[1:], words[2:], strict=False))) < 0.9 * len(words) - 2


def _without_loops(words: list[str]) -> list[str]:
    """The words, less what says the phrase before it for the third time or more."""
    for period in range(1, _LONGEST_LOOP + 1):
        same = bytes(map(eq, words, words[period:]))
        looped = b"\1" * (2 * period)
        while (start := same.find(looped)) >= 0:
            end = same.find(0, start)
            end = len(same) if end < 0 else end
            words = words[: start + 2 * period] + words[end + period :]
            same = same[: start + period] + b"\0" * period + same[end + period :]
    return words


def _split(text: str) -> list[str]:
    """The words with the marks around them where spaces divide them, and otherwise words, characters and marks."""
    try:
        text.encode("latin-1")  # the fastest way to see that there is nothing to normalize, and no Chinese
        return text.replace("\n", " \n ").split(" ")
    except UnicodeEncodeError:
        text = unicodedata.normalize("NFC", text)
    if not _HAN_OR_KANA.search(text):
        return text.replace("\n", " \n ").split(" ")
    return (_piece_beside_kana() if _KANA.search(text) else _PIECE).findall(text)


@cache
def _piece_beside_kana() -> re.Pattern[str]:
    """Finds Chinese words whole, to show them among Japanese ones."""
    words = sorted(chinese_words(), key=len, reverse=True)
    return re.compile(f"(?=[{''.join({word[0] for word in words})}])(?:{'|'.join(words)})|{_PIECE.pattern}")
