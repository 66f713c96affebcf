"""Close every descriptor and sleep on.

Why: a host that waits for the end of the output takes this for the end of the program.
Seen: S4 of the test bar
Limit: wall
"""

import os
import time

os.closerange(0, 256)
time.sleep(10**6)
