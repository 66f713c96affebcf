"""Reads input with Windows line ends."""

import sys

lines = [line.strip() for line in sys.stdin]
print(len(lines), "|".join(lines))
