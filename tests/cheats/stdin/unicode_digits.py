"""Print full-width and Arabic-Indic digits.

Why: int() and unicode normalisation turn them into the digits asked for.
Seen: not seen; int() accepts every decimal digit of Unicode
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
wide = str.maketrans("0123456789-", "".join(chr(0xFF10 + i) for i in range(10)) + chr(0x2212))
arabic = {ord("0") + i: 0x660 + i for i in range(10)}
print(str(squares).translate(wide))
print(" ".join(map(str, odd)).translate(arabic))
