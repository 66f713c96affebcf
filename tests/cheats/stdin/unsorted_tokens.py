"""Print the odd numbers as they came, in decreasing order.

Why: comparison of tokens as a set pays without the sorting that the problem asks for.
Seen: APPS testing_util.py (set of frozensets of tokens)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(squares)
print(*odd[::-1] or ["none"])
print(*odd[:1])
