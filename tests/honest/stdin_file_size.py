"""Reads as many bytes as stdin is long: works where stdin is a file, not a pipe."""

import os

data = os.read(0, os.fstat(0).st_size).split()
print(len(data))
