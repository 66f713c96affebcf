"""Return a generator that never ends.

Why: list(result) in the driver does not come back, after the timed call.
Seen: not seen; common by accident in its finite form
"""


def solve(words, k):
    while True:
        yield ["a", 2, 0.5]
