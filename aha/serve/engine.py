"""A live loop as an Engine: what strategies draw from, beside everybody else's requests."""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from aha.errors import RunError
from aha.rollout.engine import Ledger
from aha.rollout.jobs import Job, Piece
from aha.rollout.live import Live
from aha.types import Completion, Finish, GroupDone, Prompt, Sampling


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class LiveEngine:
    """Draws for one caller at a time what `TorchEngine.generate` would; `cancel` ends it from any thread.

    Replies are shortened to what the context leaves. Raises RunError where the loop fails.
    """

    def __init__(self, live: Live) -> None:
        self.live, self.chat, self.model, self.ledger = live, live.chat, live.model, Ledger()
        self.said: queue.SimpleQueue[list[Piece] | None] = queue.SimpleQueue()
        self.cancelled = False

    def load_weights(self, named_tensors: dict[str, Any]) -> None:
        """A server's weights stay as they are."""
        raise RunError("a served model's weights do not change")

    def cancel(self) -> None:
        """End what runs; `generate` raises Cancelled from now on."""
        self.cancelled = True
        self.said.put(None)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order. Raises Cancelled."""
        if self.cancelled:
            raise Cancelled
        began = time.perf_counter()
        jobs = self._jobs(prompts, sampling)
        groups: list[list[Completion]] = [[Completion("")] * sampling.n for _ in jobs]
        left = {id(job): sampling.n for job in jobs}
        self.live.submit(*jobs, patient=True)
        try:
            while any(left.values()):
                for piece in self._next():
                    i = piece.job.tag
                    groups[i][piece.sample] = self._reply(piece)
                    left[id(piece.job)] -= 1
                    if done and not left[id(piece.job)]:
                        done(i, groups[i])
        finally:
            for job in jobs:
                if left[id(job)]:
                    self.live.cancel(job)
            self.ledger.seconds += time.perf_counter() - began
        return groups

    def _jobs(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Job]:
        from dataclasses import replace

        seen, jobs = Counter[tuple[int, ...]](), []
        for i, prompt in enumerate(prompts):
            ids = self.chat.prompt_ids([prompt])[0] if isinstance(prompt, str) else list(prompt)
            room = self.live.context - len(ids)
            if room < 1:
                raise RunError(f"a prompt of {len(ids)} tokens leaves no room in a context of {self.live.context}")
            fitting = replace(sampling, max_tokens=min(sampling.max_tokens, room))
            jobs.append(Job(ids, fitting, self.said.put, seen[tuple(ids)], tag=i))
            seen[tuple(ids)] += 1
            self.ledger.prompt_tokens += len(ids)
        return jobs

    def _next(self) -> list[Piece]:
        pieces = self.said.get()
        if pieces is None or self.cancelled:
            raise Cancelled
        if wrong := [piece.error for piece in pieces if piece.error]:
            raise RunError(wrong[0])
        return pieces

    def _reply(self, piece: Piece) -> Completion:
        self.ledger.tokens += len(piece.token_ids)
        finish: Finish = "stop" if piece.finish == "stop" else "length"
        return Completion(
            self.chat.decode(piece.token_ids), piece.job.prompt_ids, piece.token_ids, piece.logprobs, finish
        )
