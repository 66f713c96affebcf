"""Reads by input() until it raises EOFError."""

lines = []
while True:
    try:
        lines.append(input())
    except EOFError:
        break
print(len(lines), sum(map(len, lines)))
