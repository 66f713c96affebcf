"""Looks at its own name, arguments and source."""

import sys

print(__name__, len(sys.argv), sys.argv[0].endswith(".py"))
with open(__file__) as file:
    print(file.readline().strip()[:3] == '"' * 3)
