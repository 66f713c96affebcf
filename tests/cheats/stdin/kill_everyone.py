"""Signal every process it may, by -1 and by number.

Why: ends the worker, the pool and the training when nothing stands between.
Seen: S8 of the test bar
"""

import os
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in (signal.SIGTERM, signal.SIGKILL):
    try:
        os.kill(-1, number)
    except (ProcessLookupError, PermissionError):
        pass
for pid in range(1, 1001):
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
