"""What a model has read so far, so that it need not read it again: its decoder, and the keys and values kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from aha.models.decode import Decoder, Memory
from aha.models.prefixes import Prefixes
from aha.models.transformer import Transformer

LIMIT = 512 << 20
"""Bytes of keys and values that are kept at once, unless told otherwise. Memory that is never filled is never taken."""
Note = Callable[[Tensor], np.ndarray]


class Remembered:
    """A model's weights as they are now, laid out for decoding, and what was computed with them."""

    def __init__(self, model: Transformer, limit: int) -> None:
        self.model, self.prefixes = model, Prefixes(model.config, model.dtype, limit)
        self._decoder: Decoder | None = None
        self._positions = 0

    def begin(self, positions: int) -> Decoder:
        """A call begins, on rows of so many positions: from now on it finds what earlier calls have kept."""
        self.prefixes.call += 1
        return self.decoder(positions)

    def decoder(self, positions: int) -> Decoder:
        """One for so many positions, made once for all that fit the model."""
        if self._decoder is None or positions > self._positions:
            self._positions = max(positions, self.model.config.max_position_embeddings)
            self._decoder = Decoder(self.model, self._positions)
        return self._decoder

    @torch.inference_mode()
    def fill(
        self,
        begins: Sequence[list[int]],
        memory: Memory,
        blocks: Sequence[int],
        roots: Sequence[int | None],
        note: Note | None = None,
    ) -> tuple[list[int], list[np.ndarray]]:
        """Bring keys and values of `begins` into prompt blocks: what is kept is copied, the rest computed and kept.

        `roots` are as for `Prefixes.keep`, and `note` makes notes of states [N, E]. Returns how many tokens of each were
        computed, and the notes of all its tokens.
        """
        arrays = memory.prompt_arrays
        kept = [self.prefixes.load(ids, arrays, block) for ids, block in zip(begins, blocks, strict=True)]
        rest = [len(ids) - len(notes) for ids, notes in zip(begins, kept, strict=True)]
        if not any(rest):
            return rest, kept
        new = [(ids, block, len(notes)) for ids, block, notes in zip(begins, blocks, kept, strict=True)]
        block_N = np.repeat(np.array(blocks), rest)
        at_N = np.concatenate([np.arange(n, len(ids)) for ids, _, n in new])
        ids_N = np.array([i for ids, _, n in new for i in ids[n:]])
        where = (np.zeros_like(at_N), np.zeros_like(at_N), block_N, at_N)
        state_NE = self.decoder(max(map(len, begins))).read(ids_N, memory, where, into_prompts=True)
        note_N = np.zeros(len(ids_N), np.float32) if note is None else note(state_NE)
        notes = [np.concatenate(both) for both in zip(kept, np.split(note_N, np.cumsum(rest)[:-1]), strict=True)]
        for (ids, block, n), note_T, root in zip(new, notes, roots, strict=True):
            if n < len(ids):
                self.prefixes.keep(ids, arrays, block, note_N=note_T, root=root)
        return rest, notes


class Remembering:
    """What an engine or scorer remembers while anybody wants it to: `with engine.remembering(): ...`, from any thread.

    `now` is that, or None. Weights stay as they are meanwhile, unless `anew` is called.
    """

    def __init__(self, model: Transformer, limit: int) -> None:
        self.model, self.limit = model, limit
        self.now: Remembered | None = None
        self._users, self._lock = 0, Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Remember at least until the end of this."""
        with self._lock:
            self._users += 1
            self.now = self.now or Remembered(self.model, self.limit)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self.now = self.now if self._users else None

    def anew(self) -> None:
        """Forget: the weights have changed."""
        if self.now is not None:
            self.now = Remembered(self.model, self.limit)
