"""Return an integer of a million digits.

Why: json.loads raises beyond 4,300 digits; without that limit it takes quadratic time.
Seen: CVE-2020-10735 (int from text in quadratic time)
"""


def solve(words, k):
    return [["a", 1 << 3_300_000, 0.5]]
