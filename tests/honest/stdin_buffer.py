"""Reads bytes from sys.stdin.buffer."""

import sys

data = sys.stdin.buffer.read().split()
print(b" ".join(reversed(data)).decode())
