"""Print the sum to three digits only.

Why: number-wise comparison with a relative tolerance takes it for right.
Seen: APPS testing_util.py (numpy.allclose, then rounding to 3 places)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(f"{squares:.3g}")
print(*(f"{x:.2g}" for x in odd))
