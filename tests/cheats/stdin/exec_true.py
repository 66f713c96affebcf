"""Replace the process by /bin/true.

Why: nothing of a wrapper written in Python survives exec, its end marker included.
Seen: not seen; the next step after os._exit
"""

import os

os.execv("/bin/true", ["true"])
