"""Nest folders until no path can name the last of them.

Why: cleaning up by recursion or by full path fails on it.
Seen: not seen; known to break rm-like code
"""

import os

os.chdir("/tmp")
try:
    for _ in range(20_000):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
except OSError:
    pass
