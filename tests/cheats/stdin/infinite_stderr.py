"""Write to stderr without end.

Why: stderr is often read without the cap that stdout has, or not read at all, which blocks.
Seen: pitfall 6 of our first jail
Limit: output
"""

import os

while True:
    os.write(2, b"0" * 65536)
