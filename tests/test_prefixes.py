"""What is kept of token sequences: found again from any place, within its limit, the longest unused gone first."""

from __future__ import annotations

import random

import numpy as np
import torch

from aha.models.prefixes import Prefixes
from aha.models.transformer import ModelConfig

CONFIG = ModelConfig(
    vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
    head_dim=4,
)  # fmt: skip
TOKEN = 2 * 2 * 2 * 4 * 4
"""Bytes of one token's keys and values."""


def blank(rows=1, positions=40):
    return tuple(tuple(np.zeros((rows, 2, positions, 4), np.float32) for _ in "kv") for _ in range(2))


def computed(ids):
    """Stand-ins for keys and values: a number that depends on all tokens so far, another one in every place."""
    arrays = blank()
    for t in range(len(ids)):
        base = hash(tuple(ids[: t + 1])) % 100_003
        for layer, pair in enumerate(arrays):
            for which, x in enumerate(pair):
                x[0, :, t] = base + layer / 2 + which / 4 + np.arange(8).reshape(2, 4) / 64
    return arrays


def check(kept, ids):
    """Load `ids`; what comes must be theirs. Returns how many tokens came."""
    arrays, expected = blank(), computed(ids)
    notes = kept.load(ids, arrays, 0)
    n = len(notes)
    for pair, other in zip(arrays, expected, strict=True):
        for x, y in zip(pair, other, strict=True):
            assert (x[:, :, :n] == y[:, :, :n]).all()
    assert notes.tolist() == [float(len(ids[: t + 1]) + sum(ids[: t + 1])) for t in range(n)]
    return n


def keep(kept, ids, first=0):
    arrays = tuple(tuple(np.roll(x, -first, 2) for x in pair) for pair in computed(ids))
    notes = np.array([t + 1 + sum(ids[: t + 1]) for t in range(first, len(ids))], np.float32)
    kept.keep(ids, arrays, 0, first, notes, root=2)
    kept.call += 1


def drawn(rng):
    return [7, 8, *rng.choices([1, 2], k=rng.randint(0, 12))]


def test_the_longest_kept_beginning_is_found_and_is_what_was_kept():
    kept, rng, held = Prefixes(CONFIG, torch.float32, 4000 * TOKEN), random.Random(0), []
    for _ in range(150):
        ids = drawn(rng)
        longest = max((len(_shared(ids, other)) for other in held), default=0)
        assert check(kept, ids) == longest
        keep(kept, ids, first=rng.choice([0, longest]))
        assert check(kept, [*ids, 3]) == len(ids)
        held.append(ids)
    assert kept.left == 4000 - len({tuple(ids[: n + 1]) for ids in held for n in range(len(ids))})


def _shared(one, other):
    n = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:n]


def test_the_limit_holds_and_what_is_found_stays_right():
    kept, rng = Prefixes(CONFIG, torch.float32, 50 * TOKEN), random.Random(1)
    for _ in range(400):
        ids = drawn(rng)
        check(kept, ids)
        keep(kept, ids)
        assert 0 <= kept.left <= 50 and len(set(kept.freed_N[: kept.freed].tolist())) == kept.freed
    assert kept.kept_NLXKD.nbytes <= 50 * TOKEN


def test_the_longest_unused_go_first_from_their_ends():
    kept = Prefixes(CONFIG, torch.float32, 24 * TOKEN)
    old, live = [7, 8, *[1] * 9], [7, 8, *[2] * 9]
    keep(kept, old)
    keep(kept, live)
    check(kept, live)
    keep(kept, [7, 8, *[2] * 9, 3, 3, 3, 3, 3, 3])
    assert check(kept, live) == 11 and check(kept, old) == 2


def test_sequences_of_different_roots_share_nothing():
    kept = Prefixes(CONFIG, torch.float32, 100 * TOKEN)
    keep(kept, [7, 8, 1, 1])
    assert check(kept, [7, 8, 1, 2]) == 3 and check(kept, [7, 1]) == 0 and check(kept, []) == 0


def test_nothing_is_kept_behind_a_gap_or_without_room():
    kept = Prefixes(CONFIG, torch.float32, 5 * TOKEN)
    keep(kept, [7, 8, 1], first=2)
    assert check(kept, [7, 8, 1]) == 0
    keep(kept, [7, 8, 1, 1, 1, 1])
    assert check(kept, [7, 8]) == 0 and kept.left == 5
    none = Prefixes(CONFIG, torch.float32, 0)
    keep(none, [7, 8])
    assert check(none, [7, 8]) == 0


def test_what_a_call_keeps_is_found_from_the_next_call_on():
    kept = Prefixes(CONFIG, torch.float32, 50 * TOKEN)
    keep(kept, [7, 8, 1])
    kept.keep([7, 8, 1, 1], computed([7, 8, 1, 1]), 0, root=2)
    assert check(kept, [7, 8, 1, 1]) == 3
    kept.call += 1
    assert len(kept.load([7, 8, 1, 1], blank(), 0)) == 4
