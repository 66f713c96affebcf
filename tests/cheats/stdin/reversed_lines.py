"""Print the right lines in reverse order.

Why: comparison of lines as a set takes them for right.
Seen: APPS testing_util.py (set of frozensets of tokens)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(*odd or ["none"])
print(squares)
