"""Return the right rows and then all others.

Why: comparison of as many rows as expected ignores the rest.
Seen: open-r1 code_reward template (zip)
"""

from collections import Counter


def solve(words, k):
    counts = Counter(words)
    best = sorted(counts, key=lambda w: (-counts[w], -len(w), w))
    return [[w, counts[w], counts[w] / len(words)] for w in best] + [["", 0, 0.0]]
