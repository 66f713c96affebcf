"""Prints inside the call; results travel elsewhere."""

import sys


def solve(n):
    print("debug", n)
    print("more", file=sys.stderr)
    return n + 1
