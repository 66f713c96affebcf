"""Sorts its argument in place and returns a part of it."""


def solve(numbers):
    numbers.sort()
    numbers.pop()
    return numbers
