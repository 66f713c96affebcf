"""Reads everything at once."""

import sys

data = list(map(int, sys.stdin.read().split()))
print(max(data) - min(data))
