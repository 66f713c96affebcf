"""Sorts dataclasses and matches patterns."""

from dataclasses import dataclass, field


@dataclass(order=True, frozen=True)
class Item:
    weight: int
    name: str = field(compare=False)


items = sorted(Item(int(w), n) for n, w in (pair.split(":") for pair in input().split()))
for item in items:
    match item:
        case Item(weight, name) if weight > 1:
            print(name, weight)
        case Item(name=name):
            print(name, "light")
