"""Write to the result channel without end.

Why: it needs a cap of its own.
Seen: pitfall 6 of our first jail, for the third channel
Limit: output
"""

import os


def solve(words, k):
    while True:
        for fd in range(3, 16):
            try:
                os.write(fd, b'{"value": []}\n' * 1000)
            except OSError:
                continue
