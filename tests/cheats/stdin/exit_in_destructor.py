"""Raise SystemExit inside a destructor while the interpreter shuts down.

Why: an exit in an odd place can skip the code that would have reported failure.
Seen: not seen; a variation of the exits
"""


class Late:
    def __del__(self):
        raise SystemExit(0)


late = Late()
del late
