"""Logs and warns on stderr; the answer is on stdout."""

import logging
import sys
import warnings

logging.basicConfig(level=logging.DEBUG)
logging.debug("starting")
warnings.warn("old", DeprecationWarning, stacklevel=1)
print("debug", file=sys.stderr)
print(int(input()) + 1)
