"""Recurses ten thousand deep inside the call."""

import sys

sys.setrecursionlimit(50_000)


def solve(n):
    return 0 if n == 0 else 1 + solve(n - 1)
