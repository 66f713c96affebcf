"""The torch engine: continuous batching on one model.

A distinct prompt is prefilled once, and all samples of its group read the same keys and values. Each step draws one token
a row; rows that end leave at once and waiting requests enter. Requests are dealt out to threads that never wait for each
other: a thread alone runs the many small operations of a step faster than several that meet after each.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from aha.chat import Chat
from aha.errors import RunError
from aha.models.decode import Decoder
from aha.models.remembered import LIMIT, Remembering
from aha.models.transformer import Transformer
from aha.rollout.engine_kept import KeptRun
from aha.rollout.engine_run import Groups, Request, Run
from aha.rollout.sampling import request_key
from aha.threads import side_by_side
from aha.types import Completion, GroupDone, Prompt, Sampling

ROWS = 32
"""A thread of its own is worth its while for so many rows."""


@dataclass
class Ledger:
    """What an engine has spent since it was made."""

    prompt_tokens: int = 0
    """Prompt tokens computed; a prompt shared by a group counts once."""
    reused_tokens: int = 0
    """Prompt tokens that were not computed, since an earlier reply had left their keys and values."""
    tokens: int = 0
    """Tokens drawn."""
    steps: int = 0
    seconds: float = 0.0


class TorchEngine:
    """Continues prompts with one model, which it shares with the trainer: new weights cost nothing.

    `slots` rows at most run at a time, fewer if their keys and values would not fit in `memory` bytes; `kept` bytes more are
    for `remembering`. Raises RunError for a model that is not on a CPU in fp32 or bf16.
    """

    def __init__(
        self, model: Transformer, chat: Chat, slots: int = 512, memory: int = 4 << 30, kept: int = LIMIT
    ) -> None:
        if model.device.type != "cpu" or model.dtype not in (torch.float32, torch.bfloat16):
            raise RunError(f"this engine samples on a CPU in fp32 or bf16, not on {model.device} in {model.dtype}")
        self.model, self.chat, self.slots, self.memory = model, chat, slots, memory
        self.ledger = Ledger()
        self.last_read: dict[str, list[int]] = {}
        """Of the last call, what each of its prompts added to the ledger's `prompt_tokens` and `reused_tokens`."""
        self.remembering = Remembering(model, kept)
        """`with engine.remembering()`, what replies leave is kept, and found by prompts that begin like them.

        That costs a copy of each reply's keys and values, so it is for calls that follow from one another.
        """

    def load_weights(self, named_tensors: dict[str, Tensor]) -> None:
        """Copy weights into the engine's model. Not needed when the trainer updates that very model."""
        self.model.load_state_dict(named_tensors)
        self.remembering.anew()

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order. Raises RunError if one row exceeds the memory.

        `done` gets each group as soon as it is complete, in the thread that completed it.
        """
        began = time.perf_counter()
        prompt_ids = [self.chat.prompt_ids([p])[0] if isinstance(p, str) else list(p) for p in prompts]
        if not all(prompt_ids):
            raise RunError(f"prompt {[bool(p) for p in prompt_ids].index(False)} is empty; it needs at least one token")
        requests = _requests(prompt_ids, sampling)
        groups = Groups(self.chat, prompt_ids, requests, done)
        if requests:
            self._serve(prompt_ids, requests, sampling, groups)
        self.ledger.seconds += time.perf_counter() - began
        return groups.completed()

    def slots_for(self, positions: int) -> int:
        """How many rows of `positions` tokens fit in the memory. Raises RunError if not even one does."""
        c = self.model.config
        row = 2 * c.num_hidden_layers * c.num_key_value_heads * c.head_dim * positions * self.model.dtype.itemsize
        if row > self.memory:
            raise RunError(
                f"one reply of {positions} tokens needs {row >> 20} MB of keys and values, more than the engine's "
                f"{self.memory >> 20} MB: lower max_tokens or raise the memory"
            )
        return min(self.slots, self.memory // row)

    def _serve(self, prompts: list[list[int]], requests: list[Request], sampling: Sampling, groups: Groups) -> None:
        """Deal the requests out to threads, whole groups together, and wait for all of them."""
        positions = max(map(len, prompts)) + sampling.max_tokens
        slots = min(self.slots_for(positions), len(requests))
        threads = max(1, min(torch.get_num_threads(), slots // ROWS))
        kept = self.remembering.now
        with torch.inference_mode():
            decoder = kept.begin(positions) if kept else Decoder(self.model, positions)
        whole = len(prompts) >= threads
        shares = [
            [r for i, r in enumerate(requests) if (r.prompt if whole else i) % threads == t] for t in range(threads)
        ]
        make: Callable[..., Run] = partial(KeptRun, kept) if kept else Run
        runs = [make(self.model, decoder, prompts, share, sampling, slots // threads, groups) for share in shares]

        def halt() -> None:
            for run in runs:
                run.halted = True

        side_by_side([run.run for run in runs], halt)
        self.ledger.steps += max(run.steps for run in runs)
        self.ledger.tokens += sum(run.tokens for run in runs)
        counts = {"prompt_tokens": [run.computed for run in runs], "reused_tokens": [run.reused for run in runs]}
        self.last_read = {
            name: [sum(count[p] for count in both) for p in range(len(prompts))] for name, both in counts.items()
        }
        self.ledger.prompt_tokens += sum(self.last_read["prompt_tokens"])
        self.ledger.reused_tokens += sum(self.last_read["reused_tokens"])


def _requests(prompt_ids: list[list[int]], sampling: Sampling) -> list[Request]:
    seen: Counter[tuple[int, ...]] = Counter()
    requests = []
    for index, ids in enumerate(prompt_ids):
        occurrence = seen[tuple(ids)]
        seen[tuple(ids)] += 1
        for sample in range(sampling.n):
            requests.append(Request(index, request_key(sampling.seed, ids, occurrence, sample)))
    return requests
