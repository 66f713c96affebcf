"""Leave a daemon behind that writes rewards and output after the program has ended.

Why: a verdict that is read later than the program ends can be overwritten.
Seen: terminal-bench PR 1267; DMOJ judge-server issue 318
"""

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(100):
            time.sleep(0.1)
            for path in ("/tmp/reward.txt", "/dev/shm/reward.txt", "reward.txt"):
                try:
                    with open(path, "w") as file:
                        file.write("1")
                except OSError:
                    pass
            try:
                os.write(1, b"52\n-1 3\n")
            except OSError:
                pass
    os._exit(0)
