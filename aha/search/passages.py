"""Numbered passages to answer from: a folder of text or a table, cut up and found again by BM25.

    index = Index(read_passages(Path("notes")))
    for passage in index.search("What is the capital of France?", k=3):
        print(passage.text, passage.source, passage.line)

BM25 (Robertson and Zaragoza 2009, doi 10.1561/1500000019; in Lucene's form, whose scores are never negative) is the library
`bm25s`, an extra: pip install "aha[retrieval]". Chinese is written without spaces, so each of its characters is a word,
and so is each pair of neighbours. There are no stop words and no stems.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from aha.errors import ConfigError, DataError

LONGEST = 600
"""Characters of the longest passage; a longer paragraph is cut at the end of a line or sentence, or where it must be."""
TEXTS, TABLES = (".md", ".markdown", ".txt"), (".csv", ".tsv", ".jsonl")

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_RUN = re.compile(rf"[{_HAN}]+|(?:(?![{_HAN}])[^\W_])+")
_SENTENCE = re.compile(r"[^.!?。！？]*[.!?。！？]+\s*|[^.!?。！？]+$")


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text, and where it stands."""

    text: str
    source: str = ""
    """The file's path within its folder."""
    line: int = 0
    """Line of the file that it begins on, counted from 1."""


Search = Callable[[str, int], Sequence[Passage]]
"""Of a question and a number k, at most k passages, the best first: `Index.search`, or anything else that finds."""


def words(text: str) -> list[str]:
    """What a text is found by: words and numbers in lower case; Chinese characters and pairs of neighbouring ones."""
    found = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        han = "\u3400" <= run[0] <= "\u9fff"
        found += [*run, *(a + b for a, b in pairwise(run))] if han else [run]
    return found


class Index:
    """Passages, ready to be searched. Raises ConfigError without `bm25s`, and DataError where no passage has a word."""

    def __init__(self, passages: Sequence[Passage], k1: float = 1.5, b: float = 0.75) -> None:
        try:
            import bm25s
        except ModuleNotFoundError:
            raise ConfigError('looking up passages needs bm25s: pip install "aha[retrieval]"') from None
        self.passages = list(passages)
        read = [words(passage.text) for passage in self.passages]
        if not any(read):
            raise DataError(f"none of {len(read)} passages has a word to be found by; give others")
        self._bm25 = bm25s.BM25(k1=k1, b=b)
        self._bm25.index(read, show_progress=False)

    def search(self, query: str, k: int) -> list[Passage]:
        """At most k passages that share a word with the query, the best first; of equal ones the earlier first."""
        asked = words(query)
        if not asked:
            return []
        scores_P = np.asarray(self._bm25.get_scores(asked))
        best = np.argsort(-scores_P, kind="stable")[:k]
        return [self.passages[i] for i in best if scores_P[i] > 0]


def read_passages(path: Path) -> list[Passage]:
    """The passages of a file, or of all text files and tables in a folder and below, hidden ones left out.

    A paragraph of a text (.md, .txt) is a passage, with the headings above it; so is a row of a table (.csv, .tsv with
    names in the first row, .jsonl). Raises DataError where there is nothing to read, or for a file that cannot be read.
    """
    path, known = Path(path), (*TEXTS, *TABLES)
    if not path.exists():
        raise DataError(f"{path} does not exist: give a folder or a file of {', '.join(known)}")
    files = (
        [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix.lower() in known and f.is_file())
    )
    root = path.parent if path.is_file() else path
    names = {file: file.relative_to(root) for file in files}
    found = [
        passage
        for file, name in names.items()
        if not any(part.startswith(".") for part in name.parts)
        for passage in _passages(file, str(name))
    ]
    if not found:
        raise DataError(f"{path} holds no text to answer from: it needs files of {', '.join(known)}")
    return found


def _passages(file: Path, name: str) -> list[Passage]:
    try:
        text = file.read_text("utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"{file} cannot be read as UTF-8 text: {error}; convert it or take it out") from None
    rows = _rows(file, text) if file.suffix.lower() in TABLES else _paragraphs(text)
    return [Passage(piece, name, line) for line, row in rows for piece in _cut(row)]


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """(First line, text) of each stretch without a blank line; headings of Markdown go with what follows them."""
    first, held, heading = 0, list[str](), False
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            first, held, heading = first if held else number, [*held, line.strip()], line.startswith("#")
        elif held and not heading:
            yield first, "\n".join(held)
            held = []
    if held:
        yield first, "\n".join(held)


def _rows(file: Path, text: str) -> Iterator[tuple[int, str]]:
    """(Line, text) of each row: a column `text` alone if there is one, else all columns with their names."""
    for line, row in _records(file, text):
        told = {"": row["text"]} if row.get("text") else row
        yield line, "; ".join(f"{name}: {value}" if name else str(value) for name, value in told.items())


def _records(file: Path, text: str) -> Iterator[tuple[int, dict[str, object]]]:
    lines = text.splitlines()
    if file.suffix.lower() != ".jsonl":
        reader = csv.DictReader(lines, delimiter="\t" if file.suffix.lower() == ".tsv" else ",")
        first = 1 + bool(reader.fieldnames)
        for row in reader:
            yield first, {name: value for name, value in row.items() if name and value}
            first = reader.line_num + 1
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, dict(json.loads(line))
            except (ValueError, TypeError):
                raise DataError(f"{file}:{number}: not a JSON record; mend or delete this line") from None


def _cut(text: str) -> Iterator[str]:
    """A text in pieces of at most LONGEST characters."""
    held = ""
    for line in text.splitlines(keepends=True):
        for sentence in [line] if len(line) <= LONGEST else _SENTENCE.findall(line):
            for start in range(0, len(sentence), LONGEST):
                piece = sentence[start : start + LONGEST]
                if held.strip() and len(held) + len(piece) > LONGEST:
                    yield held.strip()
                    held = ""
                held += piece
    if held.strip():
        yield held.strip()
