"""Returns every kind of plain value, nested."""


def solve(kind):
    return {
        "none": None,
        "bools": [True, False],
        "ints": [0, -1, 2**53 + 1, -(2**64), 10**40],
        "floats": [0.1, -0.0, 1e308, 5e-324, 3.0],
        "text": ["", "é", "日本", "😀", "a\nb\0c", '"'],
        "tuple": (1, (2, "x"), []),
        "dict": {"a": {"b": []}, "": 0},
    }[kind]
