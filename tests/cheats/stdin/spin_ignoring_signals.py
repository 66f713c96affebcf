"""Ignore every signal that can be ignored and burn CPU time, in two processes.

Why: soft limits (SIGXCPU, SIGALRM, SIGTERM) do not end it.
Seen: S4 of the test bar
Limit: wall
"""

import os
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        continue
os.fork()
while True:
    pass
