"""The rows of a running batch: which request each one serves, where it stands, and the memory of its past.

Live rows always fill the first slots, and every layer's keys and values are one contiguous block of exactly the live
width: on a CPU a batched product over anything else copies the whole cache first. The block grows by `GROWTH` positions
at a time, so that copying costs a few hundredths of a step.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aha.models.transformer import Cache, Step, Transformer

GROWTH = 32
"""Positions the cache grows by."""


class Rows:
    """Up to `slots` rows. `request_S` says whom each serves, `at_S` the position its next token takes."""

    def __init__(self, model: Transformer, slots: int, positions: int) -> None:
        self.model, self.slots = model, slots
        self.positions = -(-positions // GROWTH) * GROWTH
        self.request_S = np.zeros(0, dtype=np.int64)
        self.at_S, self.last_S = torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)
        self.cache = Cache(model.config, slots, self.positions, model.dtype, model.device)
        self.mask_S1N = self._new_mask(slots)

    def __len__(self) -> int:
        return len(self.request_S)

    @property
    def free(self) -> int:
        """How many more rows could be added."""
        return self.slots - len(self)

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
        self.at_S = torch.cat((self.at_S, torch.tensor([len(p) - 1 for p in prompts])))
        self.last_S = torch.cat((self.last_S, torch.tensor([p[-1] for p in prompts])))

    def next_step(self) -> Step:
        """What the model must know to decode one token a row; grows the cache when a row is about to leave it."""
        self._fit(len(self), int(self.at_S.max()) + 1)
        rows_S = torch.arange(len(self))
        self.mask_S1N[rows_S, 0, self.at_S] = 0
        return Step(rows_S, self.at_S, self.mask_S1N)

    def advance(self, token_S: Tensor) -> None:
        """The tokens just drawn are fed next, one position further."""
        self.last_S, self.at_S = token_S, self.at_S + 1

    def remove(self, gone: np.ndarray) -> None:
        """Drop rows; the last rows move into the gaps."""
        if not len(gone):
            return
        keep = len(self) - len(gone)
        gaps = gone[gone < keep]
        movers = np.setdiff1d(np.arange(keep, len(self)), gone)
        order = np.arange(keep)
        order[gaps] = movers
        if len(gaps):
            to, source = torch.from_numpy(gaps), torch.from_numpy(movers)
            for tensor in (*self.cache.k_LSKND, *self.cache.v_LSKND, self.mask_S1N):
                tensor[to] = tensor[source]
        self.request_S = self.request_S[order]
        self.at_S, self.last_S = self.at_S[order], self.last_S[order]
        self.cache.trim(keep)
        self.mask_S1N = self.mask_S1N[:keep]

    def _fit(self, rows: int, positions: int) -> None:
        """Make room for so many rows and positions, keeping what the live rows hold."""
        if positions <= self.positions and rows <= len(self.mask_S1N):
            return
        self.positions = max(self.positions, -(-positions // GROWTH) * GROWTH)
        self.cache.resize(rows, self.positions)
        old, self.mask_S1N = self.mask_S1N, self._new_mask(rows)
        live = min(len(old), rows)
        self.mask_S1N[:live, :, : old.shape[2]] = old[:live]
