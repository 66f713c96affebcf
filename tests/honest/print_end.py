"""Prints with end and sep, and no newline at the end."""

for digit in input():
    print(digit, end="")
    print("-", "-", sep="", end="")
