"""Codes of words -> one language for each: a word that may be of several is of those its neighbours are of.

The codes of a text stand in one string, so that most of the work is done by regular expressions and translation.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache, reduce
from operator import and_

from aha.language.codes import (
    ANY,
    BIT,
    CHINESE,
    COMMA,
    GUESSED,
    HAN,
    JAPANESE,
    KANA,
    LISTED,
    NAMED,
    OTHER,
    RUSSIAN,
    STOP,
    language_of,
)

LANGUAGE_OF = {language_of(bit): language for language, bit in BIT.items()}
LANGUAGE_OF |= {CHINESE: "zh", JAPANESE: "ja", RUSSIAN: "ru", OTHER: "other"}
"""The codes that are decided, and their languages."""

MARKS = COMMA + STOP

_BIT_OF = {language_of(bit): bit for bit in BIT.values()}
_OPEN = "".join(chr(kind + n) for kind in (LISTED, GUESSED, NAMED) for n in range(1, ANY + 1))
_OPEN = MARKS + "".join(code for code in _OPEN if code not in _BIT_OF)
_RUN = re.compile("|".join(f"{code}(?:[{code}{_OPEN}]*{code})?" for code in LANGUAGE_OF))
_MARK = re.compile(f"[{MARKS}]")
_OPENINGS = [(STOP + chr(NAMED + n), chr(LISTED + n)) for n in range(ANY)]
"""Words with a capital that opens a sentence, and what they are then."""

_WITHIN = [
    {ord(code): language_of(bit) for code in _OPEN if code not in MARKS and ord(code) & bit} for bit in range(ANY + 1)
]
_OVERRULED = [{kind + n: language_of(bit) for kind in (GUESSED, NAMED) for n in range(16)} for bit in range(ANY + 1)]
_FOREIGN = [frozenset(c for c in _OPEN if c not in MARKS and ord(c) < NAMED and not ord(c) & n) for n in range(ANY + 1)]


def decide(codes: str, prefer: str) -> str:
    """One code of a language for every word, in no order, and some marks. Latin names in other scripts are left out.

    `prefer` gets the shared words that nothing around them decides.
    """
    if HAN in codes or KANA in codes:
        codes = _decide_han(codes)
    codes = STOP + codes
    for named, word in _OPENINGS:
        codes = codes.replace(named, word)
    counts: dict[int, float] = {bit: codes.count(code) for code, bit in _BIT_OF.items()}
    counts[BIT.get(prefer, 1)] += 0.5  # only breaks ties
    common = tuple(sorted(counts, key=counts.__getitem__, reverse=True))
    return _decide_latin(codes, common)


def _decide_han(codes: str) -> str:
    """Chinese or Japanese for every character that both may use, by those beside it that only one uses."""
    if KANA not in codes and (CHINESE in codes or JAPANESE not in codes):
        return codes.replace(HAN, CHINESE).replace(JAPANESE, CHINESE)

    if CHINESE not in codes:
        return codes.replace(HAN, JAPANESE).replace(KANA, JAPANESE)

    def run(match: re.Match[str]) -> str:
        if CHINESE in match[0]:
            return match[0].replace(HAN, CHINESE)
        around = codes[max(0, match.start() - 1) : match.end() + 1]
        return match[0].replace(HAN, JAPANESE) if JAPANESE in around or KANA in around else match[0]

    codes = re.sub(f"[{HAN}{CHINESE}{JAPANESE}]+", run, codes).replace(KANA, JAPANESE)
    return codes.replace(HAN, CHINESE if codes.count(CHINESE) > codes.count(JAPANESE) else JAPANESE)


def _decide_latin(codes: str, common: tuple[int, ...]) -> str:
    """One Latin language for every word. `common` are all of them, the text's most frequent first."""
    decided, end, before = [], 0, ""
    for run in _RUN.finditer(codes):
        words, (start, stop) = run[0], run.span()
        after = words[0]
        if start > end:
            decided.append(_decide_gap(codes[end:start], before, after, common))
        decided.append(_decide_run(words, _BIT_OF.get(after, 0), common) if len(words) > 1 else words)
        before, end = after, stop
    return "".join(decided) + _decide_gap(codes[end:], before, "", common)


def _decide_run(codes: str, bit: int, common: tuple[int, ...]) -> str:
    """The words from the first to the last of one language, with none between that is surely of another."""
    if not bit:
        return codes.translate(_among_others(common))
    if not _FOREIGN[bit].isdisjoint(codes):
        shown = _show_foreign(codes, bit, common)
        if shown != codes:
            return _decide_latin(shown, common)
    return codes[0] * (len(codes) - codes.count(COMMA) - codes.count(STOP))


@lru_cache(50_000)
def _decide_gap(codes: str, before: str, after: str, common: tuple[int, ...]) -> str:
    """The words between two languages, or at an end of the text."""
    first, last = _BIT_OF.get(before or after, 0), _BIT_OF.get(after or before, 0)
    if not first | last:
        return codes.translate(_among_others(common))
    shown = _show_foreign(codes, first | last, common)
    if shown != codes:
        return _decide_latin(before + shown + after, common)[len(before) :][: -1 if after else None]
    if not after and _MARK.search(codes.rstrip(MARKS)):
        last = common[0]  # the text's main language, rather than that of the clause before
    mark = _MARK.search(codes)
    cut = 0 if first == last else mark.start() if mark else len(codes) // 2  # one word alone goes with the next
    overruled = _OVERRULED[first or last]
    head = codes[:cut].translate(_WITHIN[first]).translate(_WITHIN[last]).translate(overruled)
    return head + codes[cut:].translate(_WITHIN[last]).translate(_WITHIN[first]).translate(_OVERRULED[last or first])


def _show_foreign(codes: str, sides: int, common: tuple[int, ...]) -> str:
    """Decides the words that cannot be of the languages around them, so that they decide for their own neighbours."""
    strays = _FOREIGN[sides].intersection(codes)
    if not strays or (min(strays) >= chr(GUESSED) and sum(map(codes.count, strays)) == 1):
        return codes

    def stretch(match: re.Match[str]) -> str:
        foreign = [code for code in match[0] if code not in MARKS and ord(code) < NAMED and not ord(code) & sides]
        guesses = [ord(code) & ANY for code in foreign if ord(code) >= GUESSED]
        agreed = reduce(and_, guesses) if len(guesses) > 1 else 0
        shown = match[0]
        for code in set(foreign):
            if agreed or ord(code) < GUESSED:
                bits = ord(code) & (agreed or ANY) or ord(code)
                shown = shown.replace(code, language_of(next(bit for bit in common if bit & bits)))
        return shown

    return _stretch_foreign_to(sides).sub(stretch, codes)


@cache
def _stretch_foreign_to(sides: int) -> re.Pattern[str]:
    """A stretch with a listed word of none of the languages, or two guessed ones: one guess alone is likely bad."""
    listed, guessed = ("".join(chr(kind + n) for n in range(ANY + 1) if not n & sides) for kind in (LISTED, GUESSED))
    return re.compile(f"(?<![{_OPEN}])(?=[{_OPEN}]*(?:[{listed}]|[{guessed}][{_OPEN}]*[{guessed}]))[{_OPEN}]+")


@cache
def _among_others(common: tuple[int, ...]) -> dict[int, str]:
    """Latin words with no Latin neighbours: names are of no language, other words of the text's most frequent one."""
    table = {NAMED + n: "" for n in range(ANY + 1)}
    for kind in (LISTED, GUESSED):
        table |= {kind + n: language_of(next(bit for bit in common if bit & n)) for n in range(1, ANY + 1)}
    return table
