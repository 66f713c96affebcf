"""Uses the names of builtins and of common harness functions for itself."""


def check(test, expected):
    return sum(test) == expected


def compare(result, output):
    return result == output


list, id, type, passed = [1, 2], 3, "t", False
nonce = answer = job = solution = main = input()
print(check(list, id), compare(type, "t"), passed, nonce, solution)
