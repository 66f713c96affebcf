"""Leave by os._exit(0), which no handler sees.

Why: a harness that only catches SystemExit reads a clean end.
Seen: SandboxFusion test_antihack.py
"""

import os

os._exit(0)
