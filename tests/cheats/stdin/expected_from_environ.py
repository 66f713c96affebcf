"""Print every environment variable of every process, expected output hopefully among them.

Why: tests and keys travel in environments; a canary there must never come out.
Seen: SandboxFusion passes os.environ on; judge0 issue 564 (printenv)
"""

import os
import pathlib

for key, value in os.environ.items():
    print(key, value)
for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
    try:
        print(path.read_bytes().replace(b"\0", b"\n").decode(errors="replace"))
    except OSError:
        continue
