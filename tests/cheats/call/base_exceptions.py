"""Raise GeneratorExit, KeyboardInterrupt and one of its own in turn.

Why: drivers that catch Exception let them through, and may skip the test without a word.
Seen: verl PR 7853
"""


class Quiet(BaseException):
    pass


def solve(words, k):
    raise (GeneratorExit, KeyboardInterrupt, Quiet, SystemExit)[k % 4](0)
