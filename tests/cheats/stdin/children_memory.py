"""Take memory in several processes, each below the limit of one.

Why: RLIMIT_AS counts for one process only.
Seen: pitfall 7 of our first jail
Limit: memory
"""

import os
import time

for _ in range(6):
    if os.fork() == 0:
        hoard = b"x" * (150 << 20)
        time.sleep(10**6)
time.sleep(10**6)
