"""The honest solution of the stdin problem: it must earn 1 wherever the cheats earn 0."""

import sys

count, *numbers = map(int, sys.stdin.read().split())
odd = sorted({number for number in numbers if number % 2})
print(sum(number * number for number in numbers if number % 2 == 0))
print(*odd or ["none"])
