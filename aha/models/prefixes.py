"""Keys and values that were computed before, kept for whoever goes on from the same tokens.

    kept = Prefixes(config, torch.bfloat16, limit=256 << 20)
    kept.keep(ids, memory.own_arrays, slot)              # what a row holds
    kept.load(longer, memory.prompt_arrays, block)       # the longest beginning that is kept, into a block

Sequences hang in a tree by what they begin with (as in arXiv 2312.07104, section 3): every token's keys and values are kept
once, and a sequence is found again from any place within it. The first sequence kept of its kind is a root, and whatever
begins with all of it belongs to it: sequences of different roots share nothing, so what is found for one question does not
depend on what else is asked. When the limit is reached, the ends of branches go that were not used for longest.
Shapes: N tokens, L layers, K key/value heads, D head size.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import torch

from aha.models.decode import Arrays
from aha.models.simd import loop
from aha.models.transformer import ModelConfig

SPARE = 8
"""When room is needed, this part of it is made at once."""


@dataclass(slots=True, eq=False)
class _Node:
    """Tokens that follow those of the node above, and where their keys and values are."""

    ids: list[int]
    at_N: np.ndarray
    above: _Node | None
    below: dict[int, _Node] = field(default_factory=dict)
    """By their first token."""
    used: int = 0
    call: int = 0
    """In which call it was kept."""


class Prefixes:
    """Keys and values of token sequences, at most `limit` bytes. Threads may share it.

    Beside each token's stands a note, a number that is found again with them.
    """

    def __init__(self, c: ModelConfig, dtype: torch.dtype, limit: int) -> None:
        shape = (c.num_hidden_layers, 2, c.num_key_value_heads, c.head_dim)
        size = limit // (int(np.prod(shape)) * dtype.itemsize)
        self.kept_NLXKD = np.empty((size, *shape), np.float32 if dtype == torch.float32 else np.uint16)
        self.note_N = np.zeros(size, np.float32)
        self.freed_N, self.freed, self.fresh = np.empty(size, np.int64), 0, 0
        """Places that are free: the first `freed` of these, and all from `fresh` on, which never held anything."""
        self.roots, self.lengths = dict[tuple[int, ...], _Node](), Counter[int]()
        self.clock, self.call, self.lock = 0, 0, Lock()

    @property
    def left(self) -> int:
        """How many tokens more there is room for."""
        return self.freed + len(self.note_N) - self.fresh

    def load(self, ids: Sequence[int], arrays: Arrays, row: int) -> np.ndarray:
        """Copy what is kept of the beginning of `ids` to the first positions of a row; returns the notes of these tokens.

        What was kept since `call` went up is not found, so that nothing depends on which thread was first.
        """
        with self.lock:
            node, m, _ = self._find(ids, self.call)
            if node is None:
                return self.note_N[:0]
            self._touch(node)
            parts = [node.at_N[:m]]
            while node.above is not None:
                node = node.above
                parts.append(node.at_N)
            at_N = np.concatenate(parts[::-1])
            _load(self.kept_NLXKD, at_N, arrays, row)
            return self.note_N[at_N]

    def keep(
        self,
        ids: list[int],
        arrays: Arrays,
        row: int,
        first: int = 0,
        note_N: np.ndarray | None = None,
        root: int | None = None,
    ) -> None:
        """Keep what is not kept yet of `ids`, whose tokens from `first` on are the first positions of a row.

        `note_N` are the notes of those tokens. Where no root begins `ids`, its first `root` tokens become one, or all.
        Nothing is kept where there is no room, or a gap before `first`.
        """
        with self.lock:
            node, m, n = self._find(ids)
            if node is not None:
                self._touch(node)
            at_N = self._take(len(ids) - n) if first <= n < len(ids) else None
            if at_N is None:
                return
            _save(self.kept_NLXKD, at_N, arrays, row, n - first)
            self.note_N[at_N] = 0 if note_N is None else note_N[n - first :]
            if node is None and root is not None and root < len(ids):
                node = self._hang(_Node(ids[:root], at_N[:root], None, call=self.call))
                m, n, at_N = root, root, at_N[root:]
            if node is not None and m < len(node.ids):
                node = _split(node, m)
            self._hang(_Node(ids[n:], at_N, node, call=self.call))

    def _find(self, ids: Sequence[int], before: int | None = None) -> tuple[_Node | None, int, int]:
        """The last node on the way along `ids`, how many of its tokens are on it, and how many tokens in all.

        With `before`, only what was kept in an earlier call.
        """
        before = self.call + 1 if before is None else before
        starts = (self.roots.get(tuple(ids[:n])) for n in sorted(self.lengths, reverse=True))
        node = next((root for root in starts if root is not None), None)
        if node is None or node.call >= before:
            return None, 0, 0
        n = m = len(node.ids)
        while m == len(node.ids) and n < len(ids):
            following = node.below.get(ids[n])
            if following is None or following.call >= before:
                break
            node = following
            m = _common(node.ids, ids[n : n + len(node.ids)])
            n += m
        return node, m, n

    def _touch(self, node: _Node | None) -> None:
        """A node is used now, and so are those above it: they never look older than what hangs from them."""
        self.clock += 1
        while node is not None:
            node.used = self.clock
            node = node.above

    def _hang(self, node: _Node) -> _Node:
        if node.above is not None:
            node.above.below[node.ids[0]] = node
        else:
            self.roots[tuple(node.ids)] = node
            self.lengths[len(node.ids)] += 1
        self._touch(node)
        return node

    def _take(self, count: int) -> np.ndarray | None:
        """So many free places, None if there is no room even without all that was not used just now."""
        if count > self.left:
            self._make_room(max(count, len(self.note_N) // SPARE))
        if count > self.left:
            return None
        new = min(count, len(self.note_N) - self.fresh)
        self.fresh, self.freed = self.fresh + new, self.freed - (count - new)
        again_N = self.freed_N[self.freed : self.freed + count - new]
        return np.concatenate((np.arange(self.fresh - new, self.fresh), again_N))

    def _make_room(self, count: int) -> None:
        """Drop ends of branches, the longest unused first, until so many places are free."""
        nodes = list(self.roots.values())
        for node in nodes:
            nodes += node.below.values()
        ends = [(node.used, id(node), node) for node in nodes if not node.below]
        heapq.heapify(ends)
        while ends and self.left < count and ends[0][0] < self.clock:
            _, _, node = heapq.heappop(ends)
            self.freed_N[self.freed : self.freed + len(node.at_N)] = node.at_N
            self.freed += len(node.at_N)
            if node.above is None:
                del self.roots[tuple(node.ids)]
                self.lengths -= Counter([len(node.ids)])
                continue
            del node.above.below[node.ids[0]]
            if not node.above.below:
                heapq.heappush(ends, (node.above.used, id(node.above), node.above))


def _common(one: list[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with together."""
    if one == other:
        return len(one)
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _split(node: _Node, m: int) -> _Node:
    """Cut off the first m tokens of a node that is no root as a node above it, which is returned."""
    upper = _Node(node.ids[:m], node.at_N[:m], node.above, {node.ids[m]: node}, node.used, node.call)
    assert node.above is not None
    node.above.below[node.ids[0]] = upper
    node.ids, node.at_N, node.above = node.ids[m:], node.at_N[m:], upper
    return upper


@loop(cache=True)
def _save(kept_NLXKD, at_N, arrays, row, first):  # type: ignore[no-untyped-def]
    for i in range(len(at_N)):
        for layer in range(len(arrays)):
            k, v = arrays[layer]
            for head in range(k.shape[1]):
                kept_NLXKD[at_N[i], layer, 0, head] = k[row, head, first + i]
                kept_NLXKD[at_N[i], layer, 1, head] = v[row, head, first + i]


@loop(cache=True)
def _load(kept_NLXKD, at_N, arrays, row):  # type: ignore[no-untyped-def]
    for i in range(len(at_N)):
        for layer in range(len(arrays)):
            k, v = arrays[layer]
            for head in range(k.shape[1]):
                k[row, head, i] = kept_NLXKD[at_N[i], layer, 0, head]
                v[row, head, i] = kept_NLXKD[at_N[i], layer, 1, head]
