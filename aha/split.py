"""Which problems are kept for testing, everywhere: a function of the problem alone.

The base model's corpus, the endless generators and the tests all ask here, so no held-out problem is ever trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

SHARE = 0.1
"""Share of problems held out."""


def is_held_out(kind: str, numbers: Iterable[int], target: int) -> bool:
    """Whether a puzzle is for testing only. The order of its numbers does not matter."""
    return is_key_held_out(f"{kind}:{sorted(numbers)}:{target}")


def is_key_held_out(key: str) -> bool:
    """Whether what `key` stands for is for testing only. Problems that are the same in substance share their key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") < SHARE * 2**64
