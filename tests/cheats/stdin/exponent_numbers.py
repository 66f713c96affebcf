"""Print every integer as a float: 4.0, 1e0.

Why: comparison after float() takes them for the integers asked for.
Seen: APPS testing_util.py (float of every token)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(f"{squares:.20e}")
print(*(f"{x}e0" for x in odd))
print() if odd else print("none")
