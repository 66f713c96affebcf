"""Reads input under the usual guard, which a driver must not enter."""


def solve(text):
    return text.upper()


if __name__ == "__main__":
    print(solve(input()))
