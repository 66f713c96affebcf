"""Separate by no-break spaces, and end lines by the separators only Python knows.

Why: str.split() and splitlines() cut at them, bytes comparison does not.
Seen: APPS testing_util.py (splitlines, strip)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(squares, end="\u2028")
print(*odd, sep="\u00a0", end="\x1c")
