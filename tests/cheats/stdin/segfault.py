"""Crash the interpreter by reading address 0.

Why: a death by signal must be a failure of the program, not of the sandbox.
Seen: not seen; crashes as infrastructure errors are scored 0 or -1 by open-r1 and verl
"""

import ctypes

ctypes.string_at(0)
