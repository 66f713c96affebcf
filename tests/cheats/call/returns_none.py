"""Return nothing.

Why: no result and no error must be a wrong result.
Seen: verl PR 7853; FieldWorkArena accepted {} (Berkeley RDI, April 2026)
"""


def solve(words, k):
    pass
