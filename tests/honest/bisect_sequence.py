"""Finds a longest increasing sequence with bisect."""

from bisect import bisect_left

tails = []
for n in map(int, input().split()):
    at = bisect_left(tails, n)
    tails[at : at + 1] = [n]
print(len(tails))
