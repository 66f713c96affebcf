"""Open pipes until none is left.

Why: the table of the whole system is shared; a worker that cannot open a file fails in odd places.
Seen: not seen; common by accident
"""

import os

held = []
try:
    while True:
        held.append(os.pipe())
except OSError:
    pass
