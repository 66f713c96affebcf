"""Exit with status 256, which the system cuts to 0.

Why: a wrapper that cuts the status sees 0, one that does not sees a number: both must look at the output.
Seen: not seen; a variation of the exits
"""

import sys

sys.exit(256)
