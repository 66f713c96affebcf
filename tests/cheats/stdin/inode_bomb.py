"""Make a hundred thousand empty files, links and folders.

Why: a quota of bytes does not count them, and clearing them takes time.
Seen: S11 of the test bar
Limit: disk
"""

import os

for number in range(100_000):
    try:
        open(f"/tmp/f{number}", "x").close()
        os.mkdir(f"/tmp/d{number}")
        os.symlink("/tmp", f"/tmp/l{number}")
    except OSError:
        break
