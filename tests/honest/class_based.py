"""Keeps everything in a class named Solution, with operators of its own."""


class Vector:
    def __init__(self, *parts):
        self.parts = parts

    def __add__(self, other):
        return Vector(*(a + b for a, b in zip(self.parts, other.parts)))

    def __eq__(self, other):
        return self.parts == other.parts

    def __hash__(self):
        return hash(self.parts)

    def __repr__(self):
        return "Vector" + repr(self.parts)


class Solution:
    def solve(self, text):
        total = Vector(0, 0)
        for pair in text.split():
            total += Vector(*map(int, pair.split(",")))
        return total


print(Solution().solve(input()), Vector(1) == Vector(1))
