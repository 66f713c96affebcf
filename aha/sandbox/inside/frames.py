"""What goes over the pipes: four bytes of length, then a body."""

from __future__ import annotations

import marshal
import os
import struct

_LENGTH = struct.Struct(">I")


def receive(descriptor: int) -> dict:
    """The next record from the side that is trusted, empty when it has gone."""
    head = _exactly(descriptor, _LENGTH.size)
    body = head and _exactly(descriptor, _LENGTH.unpack(head)[0])
    return marshal.loads(body) if body else {}


def _exactly(descriptor: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def send(descriptor: int, record: dict) -> None:
    """Send a record inwards. Raises OSError."""
    write(descriptor, marshal.dumps(record))


def answer(descriptor: int, text: str, *parts: bytes) -> None:
    """Send an answer outwards: a line of text, a line with the sizes of some byte strings, and these. Raises OSError."""
    sizes = " ".join(str(len(part)) for part in parts)
    write(descriptor, f"{text}\n{sizes}\n".encode() + b"".join(parts))


def write(descriptor: int, body: bytes) -> None:
    """Write a body with its length. Raises OSError."""
    data = memoryview(_LENGTH.pack(len(body)) + body)
    while data:
        data = data[os.write(descriptor, data) :]
