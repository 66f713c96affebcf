"""The torch engine: continuous batching on one model.

A distinct prompt is prefilled once, and its keys and values are handed to every sample of its group. Each step draws
one token a row, and rows that end leave at once. A step reads every row's memory to the width of the longest, so waiting
requests enter together, once few rows are left; those few are set aside until the new ones have come as far.
`rows.py` owns the memory, `sampling.py` the randomness.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from aha.chat import Chat
from aha.errors import RunError
from aha.models.transformer import Cache, Transformer
from aha.rollout.rows import Rows
from aha.rollout.sampling import draw, request_key, uniform
from aha.types import Completion, Finish, Prompt, Sampling

FEW = 4
"""Waiting requests enter when at most one in so many slots is still taken."""
PREFILL_TOKENS = 8192
"""Prompt tokens, padding included, prefilled in one go."""


@dataclass
class Ledger:
    """What an engine has spent since it was made."""

    prompt_tokens: int = 0
    """Prompt tokens computed; a prompt shared by a group counts once."""
    tokens: int = 0
    """Tokens drawn."""
    steps: int = 0
    seconds: float = 0.0


@dataclass
class _Request:
    """One sample of one prompt on its way."""

    prompt: int
    key: int
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish = "length"


@dataclass(frozen=True, slots=True)
class _Parked:
    """A row set aside: all its tokens, and keys and values of all but the last."""

    request: int
    tokens: list[int]
    kv: tuple[Tensor, Tensor]


class TorchEngine:
    """Continues prompts with one model, which it shares with the trainer: new weights cost nothing.

    `slots` rows at most run at a time, fewer if their keys and values would not fit in `memory` bytes.
    """

    def __init__(self, model: Transformer, chat: Chat, slots: int = 512, memory: int = 4 << 30) -> None:
        self.model, self.chat, self.slots, self.memory = model, chat, slots, memory
        self.ledger = Ledger()

    def load_weights(self, named_tensors: dict[str, Tensor]) -> None:
        """Copy weights into the engine's model. Not needed when the trainer updates that very model."""
        self.model.load_state_dict(named_tensors)

    @torch.inference_mode()
    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order. Raises RunError if one row exceeds the memory."""
        began = time.perf_counter()
        prompt_ids = [self.chat.encode(p) if isinstance(p, str) else list(p) for p in prompts]
        if not all(prompt_ids):
            raise RunError(f"prompt {[bool(p) for p in prompt_ids].index(False)} is empty; it needs at least one token")
        requests = _requests(prompt_ids, sampling)
        if requests:
            _Run(self, prompt_ids, requests, sampling).run()
        self.ledger.seconds += time.perf_counter() - began
        done = self._completions(prompt_ids, requests)
        return [done[i : i + sampling.n] for i in range(0, len(done), sampling.n)]

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

    def _completions(self, prompt_ids: list[list[int]], requests: list[_Request]) -> list[Completion]:
        texts = self.chat.decode_batch([r.token_ids for r in requests])
        return [
            Completion(text, prompt_ids[r.prompt], r.token_ids, r.logprobs, r.finish)
            for text, r in zip(texts, requests, strict=True)
        ]


def _requests(prompt_ids: list[list[int]], sampling: Sampling) -> list[_Request]:
    seen: Counter[tuple[int, ...]] = Counter()
    requests = []
    for index, ids in enumerate(prompt_ids):
        occurrence = seen[tuple(ids)]
        seen[tuple(ids)] += 1
        for sample in range(sampling.n):
            requests.append(_Request(index, request_key(sampling.seed, ids, occurrence, sample)))
    return requests


class _Run:
    """One call of `generate`, from the first prefill to the last token."""

    def __init__(self, engine: TorchEngine, prompts: list[list[int]], requests: list[_Request], s: Sampling) -> None:
        self.engine, self.model, self.sampling, self.prompts, self.requests = engine, engine.model, s, prompts, requests
        longest = max(map(len, prompts))
        slots = engine.slots_for(longest + s.max_tokens)
        self.waiting = deque(range(len(requests)))
        self.parked: list[_Parked] = []
        self.prefilled: dict[int, tuple[Tensor, Tensor]] = {}
        self.rows = Rows(self.model, min(slots, len(requests)), longest + 1)
        self.stop_ids = torch.tensor(sorted({engine.chat.end_id, *s.stop_token_ids}))
        shape = (len(requests), s.max_tokens)
        self.drawn_RT, self.logp_RT = torch.zeros(shape, dtype=torch.int32), torch.zeros(shape)
        self.keys_R = np.array([r.key for r in requests], dtype=np.uint64)
        self.count_R = np.zeros(len(requests), dtype=np.int64)

    def run(self) -> None:
        self.admit()
        while len(self.rows):
            self.step()
            if self.waiting or self.parked:
                self.admit()
        for r, request in enumerate(self.requests):
            n = int(self.count_R[r])
            request.token_ids, request.logprobs = self.drawn_RT[r, :n].tolist(), self.logp_RT[r, :n].tolist()

    def admit(self) -> None:
        """Start waiting requests when few rows are left, and take back rows set aside when it is their turn."""
        few = self.rows.slots // FEW
        if self.waiting and len(self.rows) <= few:
            self.park()
            self.enter()
        if self.parked and self.rows.free:
            everyone = not len(self.rows) or (len(self.rows) <= few and not self.waiting)
            due = [row for row in self.parked if everyone or len(row.tokens) - 1 <= self.rows.furthest]
            due = due[: self.rows.free]
            if due:
                self.rows.add([row.request for row in due], [row.tokens for row in due], [row.kv for row in due])
                taken = {row.request for row in due}
                self.parked = [row for row in self.parked if row.request not in taken]

    def park(self) -> None:
        """Set all rows aside."""
        for slot, r in enumerate(self.rows.request_S.tolist()):
            tokens = self.prompts[self.requests[r].prompt] + self.drawn_RT[r, : int(self.count_R[r])].tolist()
            self.parked.append(_Parked(r, tokens, self.rows.cache.row(slot)))
        self.rows = Rows(self.model, self.rows.slots, 1)

    def enter(self) -> None:
        """Fill the slots, less those of rows set aside, with waiting requests, prefilling their prompts first."""
        while self.waiting and (room := self.rows.free - len(self.parked)) > 0:
            batch = [self.waiting.popleft() for _ in range(min(room, len(self.waiting)))]
            prompts = [self.requests[r].prompt for r in batch]
            self.prefill(dict.fromkeys(p for p in prompts if p not in self.prefilled))
            self.rows.add(batch, [self.prompts[p] for p in prompts], [self.prefilled[p] for p in prompts])
            coming = self.requests[self.waiting[0]].prompt if self.waiting else None
            self.prefilled = {p: kv for p, kv in self.prefilled.items() if p == coming}

    def prefill(self, wanted: dict[int, None]) -> None:
        """Keys and values of whole prompts, similar lengths together."""
        order = sorted(wanted, key=lambda p: len(self.prompts[p]))
        while order:
            width = len(self.prompts[order[-1]])
            batch, order = order[-max(1, PREFILL_TOKENS // width) :], order[: -max(1, PREFILL_TOKENS // width)]
            ids_BT = torch.zeros(len(batch), width, dtype=torch.long)
            for row, p in enumerate(batch):
                ids_BT[row, : len(self.prompts[p])] = torch.tensor(self.prompts[p])
            cache = Cache(self.model.config, len(batch), width, self.model.dtype, self.model.device)
            self.model.hidden(ids_BT, cache)
            for row, p in enumerate(batch):
                self.prefilled[p] = cache.row(row)
                self.engine.ledger.prompt_tokens += len(self.prompts[p])

    def step(self) -> None:
        """One more token for every row; rows that end leave."""
        rows, t_S = self.rows, self.count_R[self.rows.request_S]
        hidden_SE = self.model.decode(rows.last_S, rows.cache, rows.next_step())
        logits_SV = self.model.logits(hidden_SE)[: len(rows)]
        token_S, logp_S = draw(logits_SV, uniform(self.keys_R[rows.request_S], t_S), self.sampling)
        at = (torch.from_numpy(rows.request_S), torch.from_numpy(t_S))
        self.drawn_RT[at], self.logp_RT[at] = token_S.int(), logp_S
        self.count_R[rows.request_S] += 1
        self.engine.ledger.tokens += len(token_S)
        self.engine.ledger.steps += 1
        rows.advance(token_S)
        self.leave(torch.isin(token_S, self.stop_ids).numpy(), t_S + 1 >= self.sampling.max_tokens)

    def leave(self, stopped_S: np.ndarray, full_S: np.ndarray) -> None:
        if self.sampling.stop:
            stopped_S = stopped_S | np.array([self.ends_with_stop(int(r)) for r in self.rows.request_S])
        for r in self.rows.request_S[stopped_S]:
            self.requests[r].finish = "stop"
        self.rows.remove(np.flatnonzero(stopped_S | full_S))

    def ends_with_stop(self, r: int) -> bool:
        """Whether a stop string has just been completed; only the last tokens can have done it."""
        longest = max(len(text.encode()) for text in self.sampling.stop)
        tail = self.drawn_RT[r, max(0, int(self.count_R[r]) - longest - 1) : int(self.count_R[r])].tolist()
        text = self.engine.chat.decode(tail)
        return any(stop in text for stop in self.sampling.stop)
