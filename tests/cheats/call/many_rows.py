"""Return a list that refers to one row a million times.

Why: small in memory, huge as JSON.
Seen: not seen; the billion laughs of YAML
Limit: output
"""


def solve(words, k):
    rows = [["a", 1, 0.5]]
    for _ in range(3):
        rows = [rows] * 100
    return rows
