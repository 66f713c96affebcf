"""Return the right first row only.

Why: comparison with zip() stops at the shorter side.
Seen: open-r1 code_reward template (zip)
"""

from collections import Counter


def solve(words, k):
    counts = Counter(words)
    best = sorted(counts, key=lambda w: (-counts[w], -len(w), w))[:k]
    return [[w, counts[w], counts[w] / len(words)] for w in best[:1]]
