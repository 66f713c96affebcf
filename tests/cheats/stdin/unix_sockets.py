"""Connect to every unix socket that can be named, abstract ones and services of the host included.

Why: abstract sockets ignore the file system; a container service behind one is the whole host.
Seen: S2 of the test bar; Landlock covers them from version 6 on only
"""

import pathlib
import socket

names = ["/var/run/docker.sock", "/run/dbus/system_bus_socket", "\0/tmp/.X11-unix/X0", "\0aha", "\0reward"]
try:
    names += [line.split()[-1].replace("@", "\0") for line in open("/proc/net/unix") if "@" in line]
except OSError:
    pass
names += [str(path) for path in pathlib.Path("/tmp").glob("*sock*")]
for name in names:
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(0.2)
            link.connect(name)
            link.send(b"answers\n")
            print(link.recv(4096))
    except OSError:
        continue
