"""Recurses five thousand deep after raising the limit."""

import sys

sys.setrecursionlimit(10_000)


def climb(n, memory={}):
    if n < 2:
        return 1
    if n not in memory:
        memory[n] = (climb(n - 1) + climb(n - 2)) % 1_000_007
    return memory[n]


print(climb(int(input())))
