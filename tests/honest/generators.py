"""Uses generators, yield from, send and a context manager."""

from contextlib import contextmanager


def walk(tree):
    if isinstance(tree, list):
        for part in tree:
            yield from walk(part)
    else:
        yield tree


def mean():
    total = count = 0
    value = None
    while True:
        value = yield total / count if count else None
        total, count = total + value, count + 1


@contextmanager
def block(name):
    print("in", name)
    yield
    print("out", name)


averager = mean()
next(averager)
with block(input()):
    print(*walk([1, [2, [3, 4]]]), averager.send(2), averager.send(4))
