"""Pickles and copies instances of its own classes, which need their module."""

import copy
import pickle
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int


point = Point(*map(int, input().split()))
print(pickle.loads(pickle.dumps(point)), copy.deepcopy([point]) == [point])
