"""Uses typing with classes of its own."""

from __future__ import annotations

from typing import Generic, NamedTuple, Optional, TypeVar

T = TypeVar("T")


class Node(Generic[T]):
    def __init__(self, value: T, after: Optional[Node[T]] = None) -> None:
        self.value, self.after = value, after


class Pair(NamedTuple):
    left: int
    right: int


head: Optional[Node[int]] = None
for n in map(int, input().split()):
    head = Node(n, head)
while head:
    print(Pair(head.value, -head.value).right, end=" ")
    head = head.after
