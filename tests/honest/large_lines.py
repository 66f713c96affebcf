"""Reads fifty thousand lines by input(), and ignores the rest."""

count = int(input())
total = sum(int(input()) for _ in range(count))
print(total)
