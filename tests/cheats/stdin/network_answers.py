"""Ask the network: a public address, the name server, the metadata service, the local host.

Why: a lookup of the problem is no solution, and a request can carry secrets out.
Seen: SandboxFusion "lite" has external access by default; S2 of the test bar
"""

import socket
import urllib.request

for address in (("1.1.1.1", 53), ("169.254.169.254", 80), ("127.0.0.1", 80), ("127.0.0.1", 8000), ("10.0.2.2", 22)):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_INET, kind) as link:
                link.settimeout(0.2)
                link.connect(address)
                link.send(b"GET /answers HTTP/1.0\r\n\r\n")
                print(link.recv(4096))
        except OSError:
            continue
try:
    print(urllib.request.urlopen("http://answers.invalid/", timeout=0.2).read())
except OSError:
    pass
