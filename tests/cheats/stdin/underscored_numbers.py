"""Print every integer with underscores or leading zeros.

Why: int() reads 1_000 and 007; the bytes are not those asked for.
Seen: not seen; Python int() accepts them since 3.6
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(f"0_{squares:_}")
print(*(f"{x:+05}" for x in odd))
