"""Continuous batching across requests: one thread owns the decode loop, others hand it jobs and take tokens.

    live = Live(model, chat)
    live.start()
    live.submit(Job(chat.encode(prompt), Sampling(max_tokens=200, seed=1), sink=print))
    live.close()

Jobs enter and leave between steps. A job's tokens depend on its prompt, its sampling and its seed as in
`TorchEngine.generate`, and not on who shares its batch. A job whose numbers are not finite fails alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque

import torch

from aha.chat import Chat
from aha.errors import RunError
from aha.models.transformer import Transformer
from aha.rollout.jobs import Full, Job, Outbox, Piece, Sample
from aha.rollout.live_rows import LiveRows
from aha.rollout.sampling import request_key
from aha.types import Sampling

IDLE = 1.0
"""Seconds that an idle loop sleeps at most: its beat is no older."""
PIECES, SELDOM = 250, 0.1
"""Pieces of streams told a second at most, but each stream after so many seconds: whoever reads them needs Python's
lock as the loop does, and holds it up."""

GATHER, PATIENCE = 6, 0.04
"""While samples run, who comes waits until he and others are a sixth of them, at most so many seconds: reading five short
prompts together takes little longer than reading one, and nobody gains a token meanwhile."""


class Live:
    """The decode loop of one model. `slots` samples run at a time and `queue` wait at most.

    Prompt and reply together take `context` tokens at most (0: what the model was made for). Streams are told what they
    gained every `interval` seconds, many of them less often (see PIECES), of their ends at once. Raises RunError for a model that is not on a CPU in
    fp32 or bf16, and where not even one sample fits in `memory` bytes.
    """

    def __init__(
        self,
        model: Transformer,
        chat: Chat,
        slots: int = 64,
        queue: int = 256,
        context: int = 0,
        memory: int = 4 << 30,
        interval: float = 0.025,
    ) -> None:
        if model.device.type != "cpu" or model.dtype not in (torch.float32, torch.bfloat16):
            raise RunError(f"this engine samples on a CPU in fp32 or bf16, not on {model.device} in {model.dtype}")
        c = model.config
        self.model, self.chat, self.queue, self.interval = model, chat, queue, interval
        self.context = min(context or c.max_position_embeddings, c.max_position_embeddings)
        row = 4 * c.num_hidden_layers * c.num_key_value_heads * c.head_dim * self.context * model.dtype.itemsize
        self.slots = min(slots, memory // row)
        if not self.slots:
            raise RunError(
                f"one request of {self.context} tokens needs {row >> 20} MB of keys and values, more than the engine's "
                f"{memory >> 20} MB: lower the context or raise the memory"
            )
        self.rows: LiveRows | None = None
        """Made by the loop's thread, which alone uses it."""
        self.held = 0
        """Samples that run or wait."""
        self.beat, self.warm, self.closed = time.monotonic(), threading.Event(), False
        self.changed, self.inbox, self.cancels = threading.Condition(), deque[Job](), deque[Job]()
        self.pending, self.outbox, self.due = deque[Sample](), Outbox(), 0.0
        self.since, self.step_seconds = 0.0, 0.0
        """When someone who waits could first have entered, 0 if nobody does; and how long a step takes."""
        self.thread = threading.Thread(target=self._run, name="decode", daemon=True)

    def start(self) -> None:
        """Start the loop. `warm` is set once its compiled steps are."""
        self.thread.start()

    def close(self) -> None:
        """End the loop; jobs that run get an error."""
        with self.changed:
            self.closed = True
            self.changed.notify()
        if self.thread.ident is not None:
            self.thread.join(30)

    def submit(self, *jobs: Job, patient: bool = False) -> None:
        """Take jobs in, all or none. Raises Full where too many wait (unless `patient`), RunError for what cannot be run."""
        for job in jobs:
            if not job.prompt_ids or not 0 < job.sampling.max_tokens <= self.context - len(job.prompt_ids):
                raise RunError(f"{len(job.prompt_ids)} + {job.sampling.max_tokens} tokens do not fit in {self.context}")
        samples = sum(job.sampling.n for job in jobs)
        with self.changed:
            if self.closed:
                raise RunError("the engine is closed")
            if not patient and self.held + samples > self.slots + self.queue:
                raise Full(self.held - self.slots + samples)
            self.held += samples
            self.inbox.extend(jobs)
            self.changed.notify()

    def cancel(self, job: Job) -> None:
        """Free what a job holds within one step; it is told nothing more."""
        job.cancelled = True
        with self.changed:
            self.cancels.append(job)
            self.changed.notify()

    @property
    def running(self) -> int:
        """Samples that are being drawn."""
        return len(self.rows) if self.rows is not None and self.warm.is_set() else 0

    @property
    def waiting(self) -> int:
        """Samples that wait for a slot."""
        return max(0, self.held - self.running)

    @property
    def tokens(self) -> int:
        """Tokens drawn so far."""
        return self.rows.tokens if self.rows is not None and self.warm.is_set() else 0

    @torch.inference_mode()
    def _run(self) -> None:
        rows = self.rows = LiveRows(self.model, self.chat, self.slots, self.context)
        _warm(rows)
        self.warm.set()
        while not self.closed:
            self.beat = time.monotonic()
            try:
                self._turn(rows)
            except Exception as error:  # a fault of the loop fails whom it served, and the next find it whole
                self._fail_all(rows, f"the engine failed: {type(error).__name__}: {error}")
        self._fail_all(rows, "the server stops")

    def _turn(self, rows: LiveRows) -> None:
        if self.inbox or self.cancels:
            self._receive(rows)
        if self.pending and rows.room and self._are_enough(rows):
            rows.admit(self.pending)
            self.since = 0.0
        if not len(rows):
            with self.changed:
                if not (self.inbox or self.cancels or self.closed):
                    self.changed.wait(IDLE)
            return
        began = time.monotonic()
        pieces = rows.step()
        self.step_seconds = time.monotonic() - began
        ended = sum(bool(piece.finish or piece.error) for piece in pieces)
        if ended:
            self._forget(ended)
        if time.monotonic() > self.due:
            pieces += (news := rows.news())
            self.due = time.monotonic() + max(self.interval, min(SELDOM, len(news) / PIECES))
        if pieces:
            self._tell(pieces)

    def _are_enough(self, rows: LiveRows) -> bool:
        """Whether those who wait enter now: they are many, or would wait too long if they waited for another step."""
        now = time.monotonic()
        self.since = self.since or now
        many = min(len(self.pending), rows.room) * GATHER >= len(rows)
        return many or now + self.step_seconds > self.since + PATIENCE

    def _receive(self, rows: LiveRows) -> None:
        with self.changed:
            jobs, cancels = list(self.inbox), list(self.cancels)
            self.inbox.clear()
            self.cancels.clear()
        for job in jobs:
            self.pending.extend(_samples(job))
        if cancels:
            kept = [s for s in self.pending if not s.job.cancelled]
            gone = len(self.pending) - len(kept)
            self.pending = deque(kept)
            self._forget(gone + rows.drop_cancelled())

    def _tell(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            self.outbox.add(piece)
        self.outbox.deliver()

    def _forget(self, samples: int) -> None:
        with self.changed:
            self.held -= samples

    def _fail_all(self, rows: LiveRows, why: str) -> None:
        with self.changed:
            waiting = [s for job in self.inbox for s in _samples(job)]
            self.inbox.clear()
            self.held = 0
        lost = [s for s in rows.samples if s] + list(self.pending) + waiting
        self.pending.clear()
        rows.reset()
        self._tell([Piece(s.job, s.index, error=why) for s in lost])


def _samples(job: Job) -> list[Sample]:
    """The samples of a job, each with the key of its noise."""
    return [
        Sample(
            job,
            i,
            request_key(job.sampling.seed, job.prompt_ids, job.occurrence, job.first + i),
            deadline=job.budget if job.opened else None,
        )
        for i in range(job.sampling.n)
    ]


def _warm(rows: LiveRows) -> None:
    """Compile or load every step that a request may need, so that none waits for it."""
    for n, temperature in ((1, 0.0), (1, 1.0), (min(rows.slots, 64), 1.0)):
        waiting = deque(_samples(Job([0, 0], Sampling(n, 2, temperature), sink=lambda pieces: None)))
        while waiting or len(rows):
            if waiting and rows.room:
                rows.admit(waiting)
            rows.step()
    rows.prompt_tokens = rows.tokens = rows.steps = 0
