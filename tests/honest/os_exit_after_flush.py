"""Ends by os._exit(0) after flushing, to save time."""

import os
import sys

print(input() * 2)
sys.stdout.flush()
os._exit(0)
