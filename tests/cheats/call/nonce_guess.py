"""Guess the nonce from time, process number, counters and a seeded generator.

Why: a nonce that is not from the system's randomness can be computed.
Seen: S13 of the test bar (nonce guess)
"""

import os
import random
import time
import uuid


def solve(words, k):
    now = int(time.time())
    guesses = [str(n) for n in (0, 1, os.getpid(), os.getppid(), now, now - 1)] + ["", uuid.uuid1().hex, "nonce"]
    for seed in (0, 1, 42, now, os.getpid()):
        guesses.append(f"{random.Random(seed).getrandbits(128):032x}")
    for guess in guesses:
        for fd in range(3, 16):
            try:
                os.write(fd, guess.encode() + b'{"value": [["a", 2, 0.5], ["bb", 1, 0.25]]}\n')
            except OSError:
                continue
    os._exit(0)
