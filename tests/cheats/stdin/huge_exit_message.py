"""Exit with a message of 100 MB, which goes to stderr.

Why: the exit message is printed by the wrapper, past any cap that only covers stdout.
Seen: pitfall 6 of our first jail: stderr needs its own cap
Limit: output
"""

import sys

sys.exit("x" * 10**8)
