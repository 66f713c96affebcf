"""Write to stdout without end.

Why: a reader without a cap keeps everything in memory.
Seen: S6 of the test bar
Limit: output
"""

import os

while True:
    os.write(1, b"0" * 65536)
