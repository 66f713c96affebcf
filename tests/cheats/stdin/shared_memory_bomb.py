"""Fill /dev/shm and memory files.

Why: they are memory that no process limit counts.
Seen: pitfall 4 of our first jail: 320 MB left behind
Limit: disk
"""

import os

held = []
for number in range(64):
    try:
        fd = os.open(f"/dev/shm/fill{number}", os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(fd, 0, 32 << 20)
    except OSError:
        pass
    try:
        held.append(os.memfd_create("fill"))
        os.write(held[-1], b"x" * (32 << 20))
    except OSError:
        pass
