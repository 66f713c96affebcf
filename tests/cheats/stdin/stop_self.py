"""Stop itself by SIGSTOP.

Why: a stopped process uses no CPU time and reaps nothing: only the wall clock ends it.
Seen: S4 of the test bar
Limit: wall
"""

import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
