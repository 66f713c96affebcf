"""Prints with flush=True and to an explicit stream."""

import sys

name = input()
print("hello", flush=True)
print(name, file=sys.stdout)
sys.stdout.flush()
