"""Make namespaces of its own, mount over the judge's files, and change the root.

Why: inside a new user namespace the program is root again and many kernel doors open.
Seen: S10 of the test bar
"""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x10000000, 0x10020000, 0x7E020000, 0x80):
    if libc.unshare(flags) == 0:
        print("unshared", hex(flags))
for source, target in ((b"/dev/null", b"/etc/passwd"), (b"/tmp", b"/usr"), (b"/tmp", b"/jail")):
    if libc.mount(source, target, None, 4096, None) == 0:
        print("mounted over", target)
libc.chroot(b"/tmp")
libc.syscall(435, ctypes.create_string_buffer(88), 88)
