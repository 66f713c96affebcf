"""Return the JSON text of rows in the place of the rows.

Why: a host that parses twice, or compares texts, pays it.
Seen: not seen; common by accident
"""

import json
from collections import Counter


def solve(words, k):
    counts = Counter(words)
    best = sorted(counts, key=lambda w: (-counts[w], -len(w), w))[:k]
    return json.dumps([[w, counts[w], counts[w] / len(words)] for w in best])
