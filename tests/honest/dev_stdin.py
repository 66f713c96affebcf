"""Reads by fileinput, which opens "-"."""

import fileinput

print(sum(int(line) for line in fileinput.input("-")))
