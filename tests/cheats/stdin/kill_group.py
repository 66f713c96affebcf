"""Kill its own process group and session.

Why: kill(0) crosses a pid namespace when the job shares the group of the worker.
Seen: pitfall 2 of our first jail
"""

import os
import signal

for target in (os.getpgid(0), os.getsid(0)):
    if target > 0:
        try:
            os.killpg(target, signal.SIGKILL) if target != os.getpid() else None
        except (ProcessLookupError, PermissionError):
            pass
os.kill(0, signal.SIGKILL)
