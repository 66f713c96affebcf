"""Raises and catches, with finally and else, and chains errors."""


def parse(text):
    try:
        return int(text)
    except ValueError as error:
        try:
            raise KeyError(text) from error
        except KeyError:
            return None
    finally:
        parse.calls = getattr(parse, "calls", 0) + 1


print([parse(word) for word in input().split()], parse.calls)
try:
    assert False, "reached"
except AssertionError as error:
    print(error)
