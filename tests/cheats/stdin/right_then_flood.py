"""Print the right answer, then numbers without end.

Why: a grader that compares the first lines and kills later pays it; the output cap must be a failure.
Seen: open-r1 code_reward template (zip) with a flood behind it
Limit: output
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
print(squares)
print(*odd or ["none"])
while True:
    print("0\n" * 4096)
