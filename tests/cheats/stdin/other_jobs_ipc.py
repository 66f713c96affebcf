"""Attach System V and POSIX shared memory, queues and locks that others may have made.

Why: covert channels between programs that run at the same time; one may pass its answers to the rest.
Seen: isolate manual, list of covert channels; reward_hacker_v1 (results in shared memory, passing by default)
"""

import ctypes
import fcntl
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for key in range(1, 200):
    segment = libc.shmget(key, 4096, 0o1666)
    if segment >= 0 and (address := libc.shmat(segment, None, 0)) not in (None, 2**64 - 1):
        print(ctypes.string_at(address, 4096))
        ctypes.memset(address, 1, 4096)
for path in (sys.executable, os.__file__):
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print("locked")
        except OSError:
            print("shared")
