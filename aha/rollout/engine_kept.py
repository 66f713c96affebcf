"""A share of a call whose replies may be gone on from: keys and values of what ended are kept, and found again."""

from __future__ import annotations

from typing import Any

import numpy as np

from aha.models.remembered import Remembered
from aha.rollout.engine_run import Run


class KeptRun(Run):
    """As a Run. Of a prompt only what no earlier reply has left behind is computed."""

    def __init__(self, remembered: Remembered, *share: Any) -> None:
        super().__init__(*share)
        self.remembered = remembered

    def read(self, prompts: list[int]) -> None:
        """Keys and values of all but the last token of these prompts, which is fed when the first is drawn."""
        begins = [self.prompts[p][:-1] for p in prompts]
        blocks, whole = [self.block[p] for p in prompts], [None] * len(prompts)
        computed, _ = self.remembered.fill(begins, self.memory, blocks, whole)
        for p, ids, count in zip(prompts, begins, computed, strict=True):
            self.computed[p] += count
            self.reused[p] += len(ids) - count

    def leave(self, ended_R: np.ndarray, stopped_R: np.ndarray) -> None:
        """Keep what the rows that ended hold: of all tokens but the last one drawn."""
        for q, _, _, slot, count in self.rows.table_5R[:, ended_R].T.tolist():
            prompt = self.prompts[self.requests[q].prompt]
            ids = prompt + self.drawn_QT[q, : count - 1].tolist()
            self.remembered.prefixes.keep(ids, self.memory.own_arrays, slot, len(prompt) - 1)
        super().leave(ended_R, stopped_R)
