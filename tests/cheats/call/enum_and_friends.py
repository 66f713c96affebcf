"""Return values that JSON writes like the plain ones: IntEnum, named tuple, ordered dict.

Why: json.dumps flattens subclasses, so the type check must come before it.
Seen: not seen; json.dumps writes IntEnum as a number
"""

import enum
from collections import OrderedDict, namedtuple

Row = namedtuple("Row", "word count share")


class Count(enum.IntEnum):
    ONE = 1

    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def solve(words, k):
    return [Row(words[0] if words else "", Count.ONE, 1.0), OrderedDict()][:k]
