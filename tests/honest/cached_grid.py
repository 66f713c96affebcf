"""Counts paths with lru_cache."""

from functools import cache, lru_cache, reduce


@lru_cache(maxsize=None)
def paths(a, b):
    return 1 if a == 0 or b == 0 else paths(a - 1, b) + paths(a, b - 1)


@cache
def twice(n):
    return 2 * n


print(paths(*map(int, input().split())), reduce(lambda a, b: a * b, map(twice, range(1, 5))))
