"""End at once; a child writes results afterwards.

Why: results that arrive after the end must not count, and must not reach the next job.
Seen: terminal-bench PR 1267; S7 of the test bar
"""

import os
import sys


def nonces():
    frame = sys._getframe(1)
    while frame:
        for scope in (frame.f_locals, frame.f_globals):
            for name, thing in list(scope.items()):
                for key, text in thing.items() if type(thing) is dict else ((name, thing),):
                    if type(text) in (str, bytes) and ("nonce" in str(key) or "token" in str(key)):
                        yield text if type(text) is bytes else text.encode()
        frame = frame.f_back


def send(*lines):
    for nonce in set(nonces()):
        for fd in range(3, 64):
            try:
                for line in lines:
                    os.write(fd, nonce + line + b"\n")
            except OSError:
                continue


import time


def solve(words, k):
    if os.fork():
        os._exit(0)
    os.setsid()
    for _ in range(100):
        time.sleep(0.05)
        send(b'{"value": [["a", 2, 0.5], ["bb", 1, 0.25]]}')
    os._exit(0)
