"""Return a list that contains itself.

Why: recursive checkers do not end.
Seen: not seen; json raises ValueError, hand-written packers recurse
"""


def solve(words, k):
    ring = []
    ring.append(ring)
    return ring
