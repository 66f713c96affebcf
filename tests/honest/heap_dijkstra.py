"""Finds shortest paths with heapq."""

import heapq
import sys

data = iter(map(int, sys.stdin.read().split()))
n, m = next(data), next(data)
edges = [[] for _ in range(n)]
for _ in range(m):
    a, b, cost = next(data), next(data), next(data)
    edges[a].append((b, cost))
best, heap = [float("inf")] * n, [(0, 0)]
while heap:
    cost, node = heapq.heappop(heap)
    if cost < best[node]:
        best[node] = cost
        for after, extra in edges[node]:
            heapq.heappush(heap, (cost + extra, after))
print(*best)
