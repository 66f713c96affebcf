"""The rows of a running batch: which request each one serves, where it stands, and the memory of its past.

Live rows always fill the first slots, and every layer's keys and values are one contiguous block: on a CPU a batched
product over anything else copies the whole cache first. The block grows by `GROWTH` positions at a time, so that copying
costs a few hundredths of a step, and holds one of few numbers of rows (`padded`), because a matrix product of a size not
seen before costs a millisecond to set up. Idle rows at its end are computed and ignored.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aha.models.transformer import Cache, Step, Transformer

GROWTH = 32
"""Positions the cache grows by."""


def padded(rows: int) -> int:
    """How many rows are computed for so many live ones: a power of two up to 16, then multiples of 16, then of 64."""
    if rows <= 16:
        return 1 << max(0, rows - 1).bit_length()
    step = 16 if rows <= 128 else 64
    return -(-rows // step) * step


class Rows:
    """Up to `slots` rows. `request_S` says whom each live row serves, `at_S` the position a row's next token takes."""

    def __init__(self, model: Transformer, slots: int, positions: int) -> None:
        self.model, self.slots = model, slots
        self.positions = -(-positions // GROWTH) * GROWTH
        self.request_S = np.zeros(0, dtype=np.int64)
        self.at_S, self.last_S = torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)
        self.cache = Cache(model.config, 0, self.positions, model.dtype, model.device)
        self.mask_S1N = self._new_mask(0)

    def __len__(self) -> int:
        return len(self.request_S)

    @property
    def free(self) -> int:
        """How many more rows could be added."""
        return self.slots - len(self)

    @property
    def furthest(self) -> int:
        """The highest position a row stands at, -1 without rows."""
        return int(self.at_S[: len(self)].max()) if len(self) else -1

    def _size(self, rows: int) -> int:
        return min(padded(rows), self.slots) if rows else 0

    def _new_mask(self, rows: int) -> Tensor:
        return torch.full((rows, 1, self.positions), -torch.inf, dtype=self.model.dtype)

    def add(self, requests: list[int], prompts: list[list[int]], caches: list[tuple[Tensor, Tensor]]) -> None:
        """Append rows whose prompts are prefilled. The last prompt token is fed again, to draw the first reply token."""
        start = len(self)
        self._fit(start + len(requests), max(map(len, prompts)))
        for row, (prompt, (k_LKTD, v_LKTD)) in enumerate(zip(prompts, caches, strict=True), start):
            past = len(prompt) - 1
            for layer in range(len(k_LKTD)):
                self.cache.k_LSKND[layer][row, :, :past] = k_LKTD[layer, :, :past]
                self.cache.v_LSKND[layer][row, :, :past] = v_LKTD[layer, :, :past]
            self.mask_S1N[row] = -torch.inf
            self.mask_S1N[row, 0, :past] = 0
        self.request_S = np.concatenate((self.request_S, np.array(requests, dtype=np.int64)))
        live = slice(start, len(self))
        self.at_S[live] = torch.tensor([len(p) - 1 for p in prompts])
        self.last_S[live] = torch.tensor([p[-1] for p in prompts])

    def next_step(self) -> Step:
        """What the model must know to decode one token a row; grows the cache when a row is about to leave it."""
        self._fit(len(self), int(self.at_S.max()) + 1)
        rows_S = torch.arange(len(self.at_S))
        self.mask_S1N[rows_S, 0, self.at_S] = 0
        return Step(rows_S, self.at_S, self.mask_S1N)

    def advance(self, token_S: Tensor) -> None:
        """The tokens just drawn for the live rows are fed next, one position further."""
        self.last_S[: len(self)] = token_S
        self.at_S[: len(self)] += 1

    def remove(self, gone: np.ndarray) -> None:
        """Drop rows; the last rows move into the gaps."""
        if not len(gone):
            return
        keep = len(self) - len(gone)
        gaps = gone[gone < keep]
        if len(gaps):
            movers = np.setdiff1d(np.arange(keep, len(self)), gone)
            self.request_S[gaps] = self.request_S[movers]
            to, source = torch.from_numpy(gaps), torch.from_numpy(movers)
            for tensor in (*self.cache.k_LSKND, *self.cache.v_LSKND, self.mask_S1N, self.at_S, self.last_S):
                tensor[to] = tensor[source]
        self.request_S = self.request_S[:keep]
        self._trim(self._size(keep))
        self.at_S[keep:] = 0

    def _trim(self, rows: int) -> None:
        self.cache.trim(rows)
        self.mask_S1N, self.at_S, self.last_S = self.mask_S1N[:rows], self.at_S[:rows], self.last_S[:rows]

    def _fit(self, rows: int, positions: int) -> None:
        """Make room for so many rows and positions, keeping what the live rows hold."""
        rows = max(self._size(rows), len(self.at_S))
        if positions <= self.positions and rows == len(self.at_S):
            return
        self.positions = max(self.positions, -(-positions // GROWTH) * GROWTH)
        self.cache.resize(rows, self.positions)
        old, self.mask_S1N = self.mask_S1N, self._new_mask(rows)
        self.mask_S1N[: len(old), :, : old.shape[2]] = old
        self.mask_S1N[len(old) :, :, 0] = 0
        more = self.at_S.new_zeros(rows - len(self.at_S))
        self.at_S, self.last_S = torch.cat((self.at_S, more)), torch.cat((self.last_S, more))
