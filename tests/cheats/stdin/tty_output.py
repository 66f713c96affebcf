"""Close stdout and write to terminals and consoles instead.

Why: the terminal of whoever runs the training is not the program's to write.
Seen: S6 of the test bar
"""

import glob
import os

os.close(1)
for path in [
    "/dev/tty",
    "/dev/console",
    "/dev/stdout",
    "/dev/ptmx",
    "/dev/kmsg",
    *glob.glob("/dev/pts/*"),
    *glob.glob("/dev/tty?"),
]:
    try:
        os.write(os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK), b"52\n-1 3\n")
    except OSError:
        continue
