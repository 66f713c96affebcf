"""Print the right first line, then a NUL and rubbish.

Why: comparison as C strings ends at the NUL; some decoders and databases refuse it.
Seen: S6 of the test bar
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
sys.stdout.write(f"{squares}\n\0wrong\n\0")
