"""One name for data, wherever they are.

    gsm8k                            a data set known by a short name (`data_presets`)
    openai/gsm8k@main:socratic#test  one of the hub: perhaps at a revision, of a part, of a split
    rows.csv, folder, folder#test    files here: .jsonl (perhaps gzipped), .json, .parquet, .csv, .tsv, or a folder of them
    gym:leg_counting                 a task of reasoning-gym, which makes its questions (`gym`)

Without a split, the one meant is that of the side the data are for: `train` or `test`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from aha.errors import DataError
from aha.tasks import data_hub
from aha.tasks.benchmarks_rows import Row, rows
from aha.tasks.data_presets import ANY, FOLDER, KNOWN, Known

GYM = "gym:"
_NAME = re.compile(r"(?P<path>[^@:#]+)(?:@(?P<revision>[^:#]+))?(?::(?P<config>[^#]+))?(?:#(?P<split>.+))?")
_HUB = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class Source:
    """Rows under one name: the files they are in, and what is known of them."""

    name: str
    title: str
    """A short word for it, without a slash."""
    files: tuple[Path, ...]
    known: Known | None = None
    licence: str = ""
    """Empty where nobody states one."""

    def rows(self) -> Iterator[tuple[str, Row]]:
        """(file and row, its columns) of every row. Raises DataError at the first that cannot be read."""
        for file in self.files:
            for number, row in rows(file):
                yield f"{file}, row {number}", row


def source(name: str | Path, side: str = ANY) -> Source:
    """Find the rows of a name, fetching them if need be. Raises DataError, one line, where there are none."""
    text = str(name)
    short, _, split = text.partition("#")
    if short in KNOWN:
        return _known(KNOWN[short], split or side)
    if Path(text).is_file() or _is_file_name(text):
        return Source(text, Path(text).name.partition(".")[0], (Path(text),))
    return _listed(text, side)


def files_of(name: str | Path, side: str) -> tuple[Path, ...]:
    """The files of a name. Raises as `source` does."""
    return source(name, side).files


def has_side(name: str, side: str) -> bool:
    """Whether a name without a split also has rows of another side."""
    short, _, split = name.partition("#")
    if split or Path(name).is_file() or _is_file_name(name):
        return False
    if short in KNOWN:
        places = KNOWN[short].side(side)
        return bool(places) and (not _is_file_name(places[-1]) or _local(places) is not None)
    listing, parts = _listing(name)
    try:
        return bool(data_hub.chosen(listing, parts["config"] or "", side, side))
    except DataError:
        return False


def _is_file_name(text: str) -> bool:
    return text.endswith((*data_hub.SUFFIXES, ".gz")) and "#" not in text


def _known(known: Known, side: str) -> Source:
    """The first of a known data set's places where the rows are."""
    places = known.side(side)
    if not places:
        has = next(other for other in ("train", "test") if known.side(other))
        raise DataError(f"{known.name} has no split {side!r}; it has {known.name}#{has}")
    local = [place for place in places if _is_file_name(place)]
    if found := _local(places):
        return Source(known.name, known.name, (found,), known, known.licence)
    if len(local) == len(places):
        raise DataError(
            f"{known.name} has no {side} rows on the hub; put {' or '.join(local)} into the folder that {FOLDER} names"
        )
    try:
        listed = _listed(places[-1], side)
    except DataError as error:
        hint = f"; or put {local[0]} into the folder that {FOLDER} names" if local else ""
        raise DataError(f"{known.name}: {error}{hint}") from None
    return Source(known.name, known.name, listed.files, known, known.licence or listed.licence)


def _local(places: tuple[str, ...]) -> Path | None:
    """The first of the places that is in the folder of data files."""
    folder = os.environ.get(FOLDER)
    return next((path for place in places if folder and (path := Path(folder) / place).is_file()), None)


def _listed(text: str, side: str) -> Source:
    """Rows in a folder or on the hub."""
    listing, parts = _listing(text)
    files = data_hub.chosen(listing, parts["config"] or "", parts["split"] or "", side)
    title = Path(listing.title).name
    return Source(text, title, tuple(listing.get(files)), None, listing.licence)


def _listing(text: str) -> tuple[data_hub.Listing, dict[str, str | None]]:
    match = _NAME.fullmatch(text)
    parts: dict[str, str | None] = match.groupdict() if match else {"path": text}
    path = str(parts["path"])
    if match and Path(path).is_dir():
        return data_hub.folder(Path(path)), parts
    if match and _HUB.fullmatch(path):
        return data_hub.hub(path, parts["revision"] or ""), parts
    near = get_close_matches(path, KNOWN, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise DataError(
        f"no data {text!r}: {hint}it is no file or folder here, no name on the hub such as openai/gsm8k, and none of "
        f"{', '.join(KNOWN)}"
    )
