"""Returns floats that differ in the last places from the expected ones."""


def solve(numbers):
    total = 0.0
    for n in reversed(numbers):
        total += n / 3
    return [total, total / len(numbers)]
