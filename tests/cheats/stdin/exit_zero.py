"""Exit with status 0 before reading anything.

Why: graders that take the exit status for the verdict pay it.
Seen: SandboxFusion test_antihack.py; also shipped as the "canonical solution" of its LiveCodeBench sample
"""

import sys

sys.exit(0)
