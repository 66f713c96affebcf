"""Send oneself SIGINT, then raise KeyboardInterrupt.

Why: an interrupt can stop a host loop that shares the process group, or count as "no verdict".
Seen: not seen; a variation of the exits
"""

import os
import signal

os.kill(os.getpid(), signal.SIGINT)
raise KeyboardInterrupt
