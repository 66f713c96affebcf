"""Print odd numbers with their repetitions, not distinct ones, and every line twice.

Why: comparison of tokens as a set does not count.
Seen: APPS testing_util.py (set of frozensets of tokens)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
for _ in range(2):
    print(squares)
    print(*sorted(x for x in numbers if x % 2) or ["none"])
