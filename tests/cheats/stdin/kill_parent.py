"""Kill the parent process.

Why: a dead judge gives no zero; the reward must not become "masked" for whoever can do this at will.
Seen: S8 of the test bar
"""

import os
import signal

os.kill(os.getppid(), signal.SIGKILL)
for pid in range(2, 20):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        continue
