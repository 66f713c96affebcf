"""Uses a pool of four threads."""

from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda n: n * n, map(int, input().split()))))
