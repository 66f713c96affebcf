"""GGUF files, the format of llama.cpp, read with every count and offset checked against the bytes that are there.

    gguf = read_gguf(Path("model.gguf"))
    gguf.metadata["general.architecture"]
    gguf.tensor("token_embd.weight")           fp32, dequantized

The format is as ggml's `docs/gguf.md` describes it, versions 2 and 3, little-endian. The `gguf` package is not used here:
it believes what a file says of itself, and a file of a kilobyte can make it ask for all memory. Nothing read here takes
more than a small multiple of the file's own size.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aha.errors import ModelError
from aha.models.gguf_quants import KINDS, dequantize

MAGIC, VERSIONS = b"GGUF", (2, 3)
LONGEST_NAME, LONGEST_TEXT, DIMENSIONS = 1 << 10, 1 << 24, 4
LARGEST_ALIGNMENT = 1 << 16
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TEXT, ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a tensor lies, and what it is. `shape` has the slowest axis first, as torch has it."""

    kind: int
    shape: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Gguf:
    """A file that has been read: what it says of itself, and its tensors, which are fetched when they are asked for."""

    file: Path
    metadata: dict[str, Any]
    entries: dict[str, Entry]
    data: np.ndarray

    def tensor(self, name: str) -> np.ndarray:
        """A tensor in fp32. Raises ModelError where there is none."""
        entry = self.entries.get(name)
        if entry is None:
            raise ModelError(f"{self.file}: there is no tensor {name!r}")
        return dequantize(entry.kind, self.data[entry.start : entry.start + entry.size]).reshape(entry.shape)

    def value(self, name: str, kind: type | tuple[type, ...], otherwise: Any = None) -> Any:
        """A setting. Raises ModelError where it is missing and nothing is given instead, or of another kind."""
        found = self.metadata.get(name, otherwise)
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            said = "is missing" if found is None else f"is {str(found)[:40]!r}"
            raise ModelError(f"{self.file}: {name} {said}")
        return found


def read_gguf(file: Path) -> Gguf:
    """A file's settings and the places of its tensors. Raises ModelError for one that is damaged, or no GGUF file."""
    file = Path(file)
    try:
        data = np.memmap(file, np.uint8, "r")
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise ModelError(f"{file} cannot be read: {error}") from error
    return parse(file, data)


def parse(file: Path, data: np.ndarray) -> Gguf:
    """The same from a file's bytes."""
    try:
        return _read(file, data, _Cursor(data.data))
    except _Damaged as error:
        raise ModelError(f"{file} is damaged or no GGUF file: {error}") from None


class _Damaged(Exception):
    """What is wrong with a file."""


class _Cursor:
    """A place in a file that only moves over bytes that are there."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise _Damaged(f"{size} bytes are promised at {self.at} and {self.left} are there")
        self.at += size
        return bytes(self.data[self.at - size : self.at])

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, longest: int = LONGEST_TEXT) -> str:
        size = self.number("<Q")
        if size > longest:
            raise _Damaged(f"a text of {size} bytes at {self.at}")
        return self.take(size).decode(errors="replace")

    def count(self, least: int) -> int:
        """A number of things of so many bytes each at least."""
        found = self.number("<Q")
        if found * least > self.left:
            raise _Damaged(f"{found} entries are promised at {self.at} and {self.left} bytes are left")
        return int(found)


def _read(file: Path, data: np.ndarray, cursor: _Cursor) -> Gguf:
    if cursor.take(4) != MAGIC:
        raise _Damaged("it does not begin with GGUF")
    version = cursor.number("<I")
    if version not in VERSIONS:
        raise _Damaged(f"version {version} where {' or '.join(map(str, VERSIONS))} can be read")
    tensors, settings = cursor.number("<Q"), cursor.number("<Q")
    if tensors * 24 + settings * 13 > cursor.left:
        raise _Damaged(f"{tensors} tensors and {settings} settings are promised in {len(data)} bytes")
    metadata = _unique(cursor, settings, _value, "setting")
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 8 <= alignment <= LARGEST_ALIGNMENT or alignment & (alignment - 1):
        raise _Damaged(f"an alignment of {alignment!r:.40}")
    entries = _unique(cursor, tensors, _entry, "tensor")
    begin = -(-cursor.at // alignment) * alignment
    return Gguf(file, metadata, _placed(entries, begin, alignment, len(data)), data)


def _unique(cursor: _Cursor, count: int, read: Callable[[_Cursor, str], Any], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(count):
        name = cursor.text(LONGEST_NAME)
        if name in found:
            raise _Damaged(f"two {what}s of the name {name[:60]!r}")
        found[name] = read(cursor, name)
    return found


def _value(cursor: _Cursor, name: str) -> Any:
    kind = cursor.number("<I")
    if kind != ARRAY:
        return _scalar(cursor, kind, name)
    kind = cursor.number("<I")
    if kind in SCALARS:
        form = np.dtype(SCALARS[kind])
        count = cursor.count(form.itemsize)
        return np.frombuffer(cursor.take(count * form.itemsize), form).tolist()
    if kind != TEXT:
        raise _Damaged(f"{name[:60]!r} is a list of entries of type {kind}")
    return [cursor.text() for _ in range(cursor.count(8))]


def _scalar(cursor: _Cursor, kind: int, name: str) -> Any:
    if kind == TEXT:
        return cursor.text()
    if kind not in SCALARS:
        raise _Damaged(f"{name[:60]!r} is of type {kind}")
    return cursor.number(SCALARS[kind])


def _entry(cursor: _Cursor, name: str) -> tuple[int, tuple[int, ...], int]:
    """Kind, shape and offset of a tensor."""
    axes = cursor.number("<I")
    if not 0 < axes <= DIMENSIONS:
        raise _Damaged(f"tensor {name[:60]!r} has {axes} axes")
    shape = tuple(int(cursor.number("<Q")) for _ in range(axes))[::-1]
    kind, offset = cursor.number("<I"), int(cursor.number("<Q"))
    if kind not in KINDS:
        known = ", ".join(known.name for known in KINDS.values())
        raise _Damaged(f"tensor {name[:60]!r} is of type {kind}; the types that can be read are {known}")
    if not all(shape) or shape[-1] % KINDS[kind].block:
        raise _Damaged(f"tensor {name[:60]!r} of type {KINDS[kind].name} has the shape {str(shape)[:60]}")
    return kind, shape, offset


def _placed(entries: dict[str, Any], begin: int, alignment: int, end: int) -> dict[str, Entry]:
    """The tensors with their places in the file, of which no two share a byte."""
    placed: dict[str, Entry] = {}
    for name, (kind, shape, offset) in entries.items():
        size = math.prod(shape) // KINDS[kind].block * KINDS[kind].size
        if offset % alignment or begin + offset + size > end:
            raise _Damaged(f"tensor {name[:60]!r} is said to lie at {begin + offset} in a file of {end} bytes")
        placed[name] = Entry(kind, shape, begin + offset, size)
    order = sorted(placed.items(), key=lambda item: item[1].start)
    for (name, entry), (other, following) in zip(order, order[1:], strict=False):
        if entry.start + entry.size > following.start:
            raise _Damaged(f"tensors {name[:60]!r} and {other[:60]!r} share bytes")
    return placed
