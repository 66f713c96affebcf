"""Print the first token of each line only.

Why: token by token comparison that stops at the shorter list pays it.
Seen: open-r1 code_reward template (zip)
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(squares)
print(*odd[:1])
