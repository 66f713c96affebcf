"""Ends by raising SystemExit, and quits early."""

n = int(input())
print(n * n)
if n > 2:
    raise SystemExit
print("small")
