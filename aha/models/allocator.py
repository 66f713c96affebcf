"""Ask the C library to keep freed memory instead of handing it back.

Training frees and takes tensors of tens of megabytes all the time. By default each goes back to the system at once, and
the next one is paid for page by page. Threads get regions of their own, which shrink whatever is asked: one region for all
does not.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM, _TOP_PAD, _MMAP, _REGIONS = -1, -2, -3, -8  # from malloc.h


def keep_memory() -> None:
    """Turn off the return of freed memory, where the C library is glibc. Harmless elsewhere."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return  # not glibc
    mallopt(_REGIONS, 1)
    mallopt(_MMAP, 1 << 30)
    mallopt(_TRIM, 2**31 - 1)
    mallopt(_TOP_PAD, 64 << 20)
