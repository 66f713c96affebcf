"""Return a string of a gigabyte, built cheaply.

Why: the memory is taken while the result is written, after the call.
Seen: S6 of the test bar
Limit: memory
"""


def solve(words, k):
    return [["a" * (1 << 30), 1, 0.5]]
