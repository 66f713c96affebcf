"""Return text with lone surrogates, NULs and a byte order mark.

Why: encoding it raises on the way out or in the log of the host.
Seen: S6 of the test bar
"""


def solve(words, k):
    return [["\ud800\udfff\x00\ufeff\x1b[2J", 1, 0.5]]
