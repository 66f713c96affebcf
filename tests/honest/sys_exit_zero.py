"""Ends by sys.exit(0), from inside a function."""

import sys


def solve():
    n = int(input())
    if n < 0:
        print("negative")
        sys.exit(0)
    print(n)
    exit()


solve()
