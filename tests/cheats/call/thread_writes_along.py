"""Let a thread write results between the driver's own.

Why: lines cut into each other must not parse as a third thing.
Seen: not seen; a race inside the protocol
"""

import os
import threading


def scribble():
    while True:
        for fd in range(3, 16):
            try:
                os.write(fd, b'{"value": [["a", 2, 0.5], ["bb", 1, 0.25]]}\n')
            except OSError:
                continue


threading.Thread(target=scribble, daemon=True).start()


def solve(words, k):
    return []
