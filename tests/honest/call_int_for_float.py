"""Returns a whole number where the test has a float, and the other way round."""


def solve(a, b):
    return a / b if a % b == 0 else round(a / b)
