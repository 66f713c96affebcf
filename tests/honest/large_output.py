"""Prints fifty thousand lines."""

for n in range(int(input())):
    print("line")
