"""Replace sys.excepthook by one that exits 0, then fail.

Why: a crash is reported as success where the status decides.
Seen: not seen; a variation of the exits
"""

import os
import sys

sys.excepthook = lambda *error: os._exit(0)
raise RuntimeError("unsolved")
