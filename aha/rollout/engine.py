"""The torch engine: continuous batching on one model.

A distinct prompt is prefilled once, and all samples of its group read the same keys and values. Each step draws one token
a row; rows that end leave at once and waiting requests enter. Requests are dealt out to threads that never wait for each
other: a thread alone runs the many small operations of a step faster than several that meet after each.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from aha.chat import Chat
from aha.errors import RunError
from aha.models.decode import Decoder, Memory
from aha.models.transformer import Cache, Transformer
from aha.rollout.rows import Rows
from aha.rollout.sampling import draw, request_key
from aha.threads import side_by_side
from aha.types import Completion, Finish, GroupDone, Prompt, Sampling

ROWS = 32
"""A thread of its own is worth its while for so many rows."""
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


class TorchEngine:
    """Continues prompts with one model, which it shares with the trainer: new weights cost nothing.

    `slots` rows at most run at a time, fewer if their keys and values would not fit in `memory` bytes. Raises RunError for a
    model that is not on a CPU in fp32 or bf16.
    """

    def __init__(self, model: Transformer, chat: Chat, slots: int = 512, memory: int = 4 << 30) -> None:
        if model.device.type != "cpu" or model.dtype not in (torch.float32, torch.bfloat16):
            raise RunError(f"this engine samples on a CPU in fp32 or bf16, not on {model.device} in {model.dtype}")
        self.model, self.chat, self.slots, self.memory = model, chat, slots, memory
        self.ledger = Ledger()

    def load_weights(self, named_tensors: dict[str, Tensor]) -> None:
        """Copy weights into the engine's model. Not needed when the trainer updates that very model."""
        self.model.load_state_dict(named_tensors)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order. Raises RunError if one row exceeds the memory.

        `done` gets each group as soon as it is complete, in the thread that completed it.
        """
        began = time.perf_counter()
        prompt_ids = [self.chat.encode(p) if isinstance(p, str) else list(p) for p in prompts]
        if not all(prompt_ids):
            raise RunError(f"prompt {[bool(p) for p in prompt_ids].index(False)} is empty; it needs at least one token")
        requests = _requests(prompt_ids, sampling)
        groups = _Groups(self.chat, prompt_ids, requests, done)
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

    def _serve(self, prompts: list[list[int]], requests: list[_Request], sampling: Sampling, groups: _Groups) -> None:
        """Deal the requests out to threads, whole groups together, and wait for all of them."""
        positions = max(map(len, prompts)) + sampling.max_tokens
        slots = min(self.slots_for(positions), len(requests))
        threads = max(1, min(torch.get_num_threads(), slots // ROWS))
        with torch.inference_mode():
            decoder = Decoder(self.model, positions)
        whole = len(prompts) >= threads
        shares = [
            [r for i, r in enumerate(requests) if (r.prompt if whole else i) % threads == t] for t in range(threads)
        ]
        runs = [_Run(self, decoder, prompts, share, sampling, slots // threads, groups) for share in shares]

        def halt() -> None:
            for run in runs:
                run.halted = True

        side_by_side([run.run for run in runs], halt)
        self.ledger.steps += max(run.steps for run in runs)
        self.ledger.tokens += sum(run.tokens for run in runs)
        self.ledger.prompt_tokens += sum(run.prompt_tokens for run in runs)


class _Groups:
    """Replies as they end, put together by prompt."""

    def __init__(
        self, chat: Chat, prompt_ids: list[list[int]], requests: list[_Request], done: GroupDone | None
    ) -> None:
        self.chat, self.prompt_ids, self.done = chat, prompt_ids, done
        self.requests: list[list[_Request]] = [[] for _ in prompt_ids]
        for request in requests:
            self.requests[request.prompt].append(request)
        self.left = [len(group) for group in self.requests]
        self.lock = Lock()
        self.groups: list[list[Completion]] = [[] for _ in prompt_ids]

    def ended(self, prompt: int) -> None:
        """One more reply to this prompt has ended."""
        with self.lock:
            self.left[prompt] -= 1
            if self.left[prompt]:
                return
        if self.done:
            self._complete(prompt)
            self.done(prompt, self.groups[prompt])

    def completed(self) -> list[list[Completion]]:
        """All groups."""
        for prompt, group in enumerate(self.groups):
            if not group:
                self._complete(prompt)
        return self.groups

    def _complete(self, prompt: int) -> None:
        requests = self.requests[prompt]
        texts = self.chat.decode_batch([r.token_ids for r in requests])
        self.groups[prompt] = [
            Completion(text, self.prompt_ids[prompt], r.token_ids, r.logprobs, r.finish)
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
    """One thread's share of a call of `generate`, from the first prefill to the last token."""

    def __init__(
        self,
        engine: TorchEngine,
        decoder: Decoder,
        prompts: list[list[int]],
        requests: list[_Request],
        sampling: Sampling,
        slots: int,
        groups: _Groups,
    ) -> None:
        self.groups = groups
        self.engine, self.model, self.decoder, self.sampling = engine, engine.model, decoder, sampling
        self.prompts, self.requests = prompts, requests
        self.left = Counter(r.prompt for r in requests)
        self.waiting, self.upcoming = deque(range(len(requests))), deque(self.left)
        self.block: dict[int, int] = {}
        """Which block of the memory holds a prompt."""
        blocks, longest = min(slots, len(self.left)), max(len(prompts[p]) for p in self.left)
        self.free_blocks = list(range(blocks))
        self.rows = Rows(min(slots, len(requests)))
        size = (blocks, longest, len(self.rows.free), sampling.max_tokens)
        self.memory = Memory(self.model.config, *size, dtype=self.model.dtype)
        self.stop_ids = np.unique([engine.chat.end_id, *sampling.stop_token_ids])
        shape = (len(requests), sampling.max_tokens)
        self.drawn_QT, self.logp_QT = np.empty(shape, np.int32), np.empty(shape, np.float32)
        self.keys_Q = np.array([r.key for r in requests], dtype=np.uint64)
        self.halted = False
        self.steps = self.tokens = self.prompt_tokens = 0

    @torch.inference_mode()
    def run(self) -> None:
        self.admit()
        while len(self.rows) and not self.halted:
            self.step()
            if self.waiting and self.rows.free:
                self.admit()

    def admit(self) -> None:
        """Fill the free slots with waiting requests, prefilling their prompts first."""
        entering = [self.waiting.popleft() for _ in range(min(len(self.waiting), len(self.rows.free)))]
        prompts = [self.requests[q].prompt for q in entering]
        for p in prompts:
            if p not in self.block:
                self.prefill()
        self.rows.add(entering, [self.block[p] for p in prompts], [self.prompts[p] for p in prompts])

    def prefill(self) -> None:
        """Keys and values of the next prompts, as many as have room."""
        width, batch = 0, list[int]()
        while self.upcoming and len(batch) < len(self.free_blocks):
            width = max(width, len(self.prompts[self.upcoming[0]]))
            if batch and width * (len(batch) + 1) > PREFILL_TOKENS:
                break
            batch.append(self.upcoming.popleft())
        ids_BT = torch.zeros(len(batch), max(len(self.prompts[p]) for p in batch), dtype=torch.long)
        for row, p in enumerate(batch):
            ids_BT[row, : len(self.prompts[p])] = torch.tensor(self.prompts[p])
        cache = Cache(self.model.config, len(batch), ids_BT.shape[1], self.model.dtype, self.model.device)
        self.model.hidden(ids_BT, cache)
        for row, p in enumerate(batch):
            self.block[p] = self.free_blocks.pop()
            self.memory.store(self.block[p], cache, row)
            self.prompt_tokens += len(self.prompts[p])

    def step(self) -> None:
        """One more token for every row; rows that end leave."""
        rows = self.rows
        request_R, t_R = rows.request_R, rows.past[-1]
        logits_RV = self.decoder.step(rows.last_R, self.memory, rows.past)
        token_R, logp_R = draw(logits_RV, self.keys_Q[request_R], t_R, self.sampling)
        self.drawn_QT[request_R, t_R], self.logp_QT[request_R, t_R] = token_R, logp_R
        self.tokens += len(token_R)
        self.steps += 1
        rows.advance(token_R)
        stopped_R = np.isin(token_R, self.stop_ids)
        if self.sampling.stop:
            stopped_R |= np.array([self.ends_with_stop(*at) for at in rows.table_5R[[0, 4]].T.tolist()])
        ended_R = stopped_R | (rows.past[-1] >= self.sampling.max_tokens)
        if ended_R.any():
            self.leave(ended_R, stopped_R)

    def leave(self, ended_R: np.ndarray, stopped_R: np.ndarray) -> None:
        """Write down the replies that ended, and free what only they needed."""
        for q, count, stopped in zip(
            self.rows.request_R[ended_R].tolist(), self.rows.past[-1][ended_R].tolist(), stopped_R[ended_R], strict=True
        ):
            request = self.requests[q]
            request.token_ids, request.logprobs = self.drawn_QT[q, :count].tolist(), self.logp_QT[q, :count].tolist()
            request.finish = "stop" if stopped else "length"
            self.left[request.prompt] -= 1
            if not self.left[request.prompt]:
                self.free_blocks.append(self.block.pop(request.prompt))
            self.groups.ended(request.prompt)
        self.rows.remove(ended_R)

    def ends_with_stop(self, q: int, count: int) -> bool:
        """Whether a stop string has just been completed; only the last tokens can have done it."""
        longest = max(len(text.encode()) for text in self.sampling.stop)
        text = self.engine.chat.decode(self.drawn_QT[q, max(0, count - longest - 1) : count].tolist())
        return any(stop in text for stop in self.sampling.stop)
