"""Leaves blanks at the ends of lines and blank lines at the end, as many solutions do."""

for n in map(int, input().split()):
    print(n, end=" ")
print()
print()
