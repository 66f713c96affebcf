"""Return a dict of integers that all hash to the same value.

Why: a host that rebuilds the dict spends quadratic time: a megabyte of output costs it minutes.
Seen: oCERT-2011-003 (hash collisions); found while reading our own unpacking
"""


def solve(words, k):
    return {step * (2**61 - 1): 0 for step in range(1, 6000)}
