"""One thread's share of a call of the torch engine, and the replies of all threads as they end."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import torch

from aha.chat import Chat
from aha.models.decode import Decoder, Memory
from aha.models.transformer import Cache, Transformer
from aha.rollout.rows import Rows
from aha.rollout.sampling import draw
from aha.types import Completion, Finish, GroupDone, Sampling

PREFILL_TOKENS = 8192
"""Prompt tokens, padding included, prefilled in one go."""


@dataclass
class Request:
    """One sample of one prompt on its way."""

    prompt: int
    key: int
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish = "length"


class Groups:
    """Replies as they end, put together by prompt."""

    def __init__(
        self, chat: Chat, prompt_ids: list[list[int]], requests: list[Request], done: GroupDone | None
    ) -> None:
        self.chat, self.prompt_ids, self.done = chat, prompt_ids, done
        self.requests: list[list[Request]] = [[] for _ in prompt_ids]
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


class Run:
    """One thread's share of a call of `generate`, from the first prefill to the last token."""

    def __init__(
        self,
        model: Transformer,
        decoder: Decoder,
        prompts: list[list[int]],
        requests: list[Request],
        sampling: Sampling,
        slots: int,
        groups: Groups,
    ) -> None:
        self.model, self.decoder, self.sampling, self.groups, self.chat = model, decoder, sampling, groups, groups.chat
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
        self.stops_V = np.zeros(model.config.vocab_size, bool)
        stops = (*self.chat.end_ids, *sampling.stop_token_ids)
        self.stops_V[[i for i in stops if 0 <= i < len(self.stops_V)]] = True
        shape = (len(requests), sampling.max_tokens)
        self.drawn_QT, self.logp_QT = np.empty(shape, np.int32), np.empty(shape, np.float32)
        self.keys_Q = np.array([r.key for r in requests], dtype=np.uint64)
        self.halted = False
        self.steps = self.tokens = 0
        self.computed, self.reused = Counter[int](), Counter[int]()
        """Of each prompt, how many tokens were computed, and how many found where an earlier reply left them."""

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
        """Read the next prompts, as many as have room."""
        width, batch = 0, list[int]()
        while self.upcoming and len(batch) < len(self.free_blocks):
            width = max(width, len(self.prompts[self.upcoming[0]]))
            if batch and width * (len(batch) + 1) > PREFILL_TOKENS:
                break
            batch.append(self.upcoming.popleft())
        for p in batch:
            self.block[p] = self.free_blocks.pop()
        self.read(batch)

    def read(self, prompts: list[int]) -> None:
        """Keys and values of these prompts, into their blocks."""
        ids_BT = torch.zeros(len(prompts), max(len(self.prompts[p]) for p in prompts), dtype=torch.long)
        for row, p in enumerate(prompts):
            ids_BT[row, : len(self.prompts[p])] = torch.tensor(self.prompts[p])
        cache = Cache(self.model.config, len(prompts), ids_BT.shape[1], self.model.dtype, self.model.device)
        self.model.hidden(ids_BT, cache)
        for row, p in enumerate(prompts):
            self.memory.store(self.block[p], cache, row)
            self.computed[p] += len(self.prompts[p])

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
        stopped_R = self.stops_V[token_R]
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
        text = self.chat.decode(self.drawn_QT[q, max(0, count - longest - 1) : count].tolist())
        return any(stop in text for stop in self.sampling.stop)
