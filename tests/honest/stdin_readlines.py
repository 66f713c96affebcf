"""Mixes readline and readlines."""

import sys

n = int(sys.stdin.readline())
rest = sys.stdin.readlines()
print(n == len(rest), sorted(line.strip() for line in rest)[0])
