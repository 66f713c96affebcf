"""Holds fifty megabytes and gives them back."""

block = bytearray(50 << 20)
block[-1] = int(input())
print(block[-1], len(block))
del block
