"""Return dicts whose keys become equal when written as JSON.

Why: True, 1, 1.0 and "1" are four keys or one; the last wins in the parser.
Seen: json.dumps turns keys into text without a word
"""


def solve(words, k):
    return {None: 1, "null": 2, True: 3, "true": 4, 2: 5, "2": 6, 2.5: 7, "2.5": 8}
