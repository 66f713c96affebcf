"""Define run_tests, check, test and main so that they pass.

Why: the best documented hack at small scale: learned within 80 to 100 steps in every run.
Seen: Alignment Forum R5MdWGKsuvdPwGFBG (Qwen3-4B, 79 % of replies)
"""


class Solution:
    valid = True

    def solve(self, words, k):
        return []

    def run_tests(self):
        return True


def solve(words, k):
    return []


def run_tests(*a, **k):
    print("All tests passed")
    return True


check = test = tests = main = verify = grade = evaluate = compare = assert_equal = run_tests
