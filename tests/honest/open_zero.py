"""Reads by open(0), the shortest way there is."""

n, *a = map(int, open(0).read().split())
print(sum(a[:n]))
