"""End at once; a child keeps the pipes open and writes on.

Why: a reader that waits for the end of the pipe hangs, one that does not may mix the output into the next job.
Seen: S7 of the test bar
"""

import os
import time

if os.fork() == 0:
    while True:
        os.write(1, b"0\nnone\n")
        time.sleep(0.01)
os._exit(0)
