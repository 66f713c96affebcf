"""Reads input and writes output without a newline at the end."""

import sys

a, b = sys.stdin.read().split("\n")
sys.stdout.write(a + b)
