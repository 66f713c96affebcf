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
    key = f"{kind}:{sorted(numbers)}:{target}"
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") < SHARE * 2**64
