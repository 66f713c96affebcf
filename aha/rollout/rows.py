"""The rows of a running batch: which request each serves, where it stands, and where its past is kept."""

from __future__ import annotations

import numpy as np


class Rows:
    """Up to `slots` rows, in the order they came. A row keeps its slot, so nothing is copied when others leave.

    For each of R rows: the request it serves, the block of its prompt's keys and values and how many positions of it
    are the row's past, its slot, and how many positions that holds already.
    """

    def __init__(self, slots: int) -> None:
        self.free = list(range(slots))
        self.table_5R = np.zeros((5, 0), dtype=np.int64)
        self.last_R = np.zeros(0, dtype=np.int64)
        """The tokens to feed."""

    def __len__(self) -> int:
        return len(self.last_R)

    @property
    def request_R(self) -> np.ndarray:
        """Whom each row serves."""
        return self.table_5R[0]

    @property
    def past(self) -> tuple[np.ndarray, ...]:
        """Where each row's keys and values are, as `Decoder.step` takes it."""
        return tuple(self.table_5R[1:])

    def add(self, requests: list[int], prompt_blocks: list[int], prompts: list[list[int]]) -> None:
        """Rows whose prompts are prefilled. The last prompt token is fed again, to draw the first reply token."""
        slots = [self.free.pop() for _ in requests]
        new = np.array([requests, prompt_blocks, [len(p) - 1 for p in prompts], slots, [0] * len(slots)])
        self.table_5R = np.concatenate((self.table_5R, new), 1)
        self.last_R = np.append(self.last_R, [p[-1] for p in prompts])

    def advance(self, token_R: np.ndarray) -> None:
        """The tokens just drawn are fed next, one position further."""
        self.last_R = token_R
        self.table_5R[4] += 1

    def remove(self, gone_R: np.ndarray) -> None:
        """Drop the rows marked true, and free their slots."""
        self.free.extend(self.table_5R[3, gone_R].tolist())
        self.table_5R, self.last_R = np.compress(~gone_R, self.table_5R, axis=1), self.last_R[~gone_R]
