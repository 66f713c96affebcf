"""Recurse through C code until the stack overflows.

Why: kills the process from inside the interpreter; the next job must not notice.
Seen: not seen; common by accident
"""

import sys

sys.setrecursionlimit(10**9)


def down(x):
    return sorted([x], key=down)


down(0)
