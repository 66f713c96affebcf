"""The samples that a live decode loop draws at this moment: they enter, gain a token a step, and leave."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch

from aha.chat import ANSWER, THINK, THINK_END, Chat
from aha.models.decode import Decoder, Memory
from aha.models.transformer import Cache, Transformer
from aha.rollout.engine_run import PREFILL_TOKENS
from aha.rollout.jobs import Piece, Sample
from aha.rollout.rows import Rows
from aha.rollout.sampling import draw

NOT_FINITE = "the model's numbers for this request are not finite"


class LiveRows:
    """Up to `slots` samples of any jobs, prompt and reply of each at most `context` tokens together.

    Samples of equal prompts read the same keys and values. Shapes: Q slots, R rows in use, T positions, V vocabulary.
    """

    def __init__(self, model: Transformer, chat: Chat, slots: int, context: int) -> None:
        self.model, self.chat, self.slots, self.context = model, chat, slots, context
        self.decoder = Decoder(model, context)
        self.memory = Memory(model.config, slots, context, slots, context, model.dtype)
        self.close_ids = [i for tag in (THINK_END, ANSWER) if (i := chat.tokenizer.token_to_id(tag)) is not None]
        self.think_id = chat.tokenizer.token_to_id(THINK)
        self.prompt_tokens = self.tokens = self.steps = 0
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        S = self.slots
        self.rows = Rows(S)
        self.samples: list[Sample | None] = [None] * S
        self.free_blocks, self.blocks = list(range(S)), dict[tuple[int, ...], list[int]]()
        """Of each prompt that is in memory its block and how many rows read it."""
        self.drawn_QT, self.logp_QT = np.empty((S, self.context), np.int32), np.empty((S, self.context), np.float32)
        self.keys_Q, self.limit_Q = np.zeros(S, np.uint64), np.zeros(S, np.int64)
        self.kind_Q, self.watched_Q = np.zeros(S, np.int64), np.zeros(S, bool)
        self.kinds = dict[tuple[float, ...], int]()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def room(self) -> int:
        """How many samples may enter."""
        return len(self.rows.free)

    def admit(self, waiting: deque[Sample]) -> None:
        """Fill free slots with those who wait longest, as many as one prefill can serve."""
        entering, new, width = list[Sample](), list[tuple[int, ...]](), 0
        while waiting and len(entering) < self.room:
            prompt = waiting[0].prompt
            if prompt not in self.blocks:
                width = max(width, len(prompt))
                if new and width * (len(new) + 1) > PREFILL_TOKENS:
                    break
                self.blocks[prompt] = [self.free_blocks.pop(), 0]
                new.append(prompt)
            self.blocks[prompt][1] += 1
            entering.append(waiting.popleft())
        taken = [self.rows.free[-1 - i] for i in range(len(entering))]  # a sample is known by the slot it takes
        for q, s in zip(taken, entering, strict=True):
            self._enter(q, s)
        if new:
            self._prefill(new)
        at = [self.blocks[s.prompt][0] for s in entering]
        self.rows.add(taken, at, [s.job.prompt_ids for s in entering])

    def _enter(self, q: int, s: Sample) -> None:
        job = s.job
        self.samples[q], self.keys_Q[q], self.limit_Q[q] = s, s.key, job.sampling.max_tokens
        self.watched_Q[q] = bool(job.sampling.stop or job.sampling.stop_token_ids or job.budget is not None or job.top)
        if len(self.kinds) > 4 * self.slots:  # so that odd temperatures do not pile up
            live = set(self.kind_Q[self.rows.request_R].tolist())
            self.kinds = {kind: i for kind, i in self.kinds.items() if i in live}
        kind = (job.sampling.temperature, job.sampling.top_k, job.sampling.top_p)
        self.kind_Q[q] = self.kinds.setdefault(kind, 1 + max(self.kinds.values(), default=0))

    def _prefill(self, prompts: list[tuple[int, ...]]) -> None:
        ids_BT = torch.zeros(len(prompts), max(map(len, prompts)), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids_BT[row, : len(prompt)] = torch.tensor(prompt)
        cache = Cache(self.model.config, len(prompts), ids_BT.shape[1], self.model.dtype, self.model.device)
        self.model.hidden(ids_BT, cache)
        for row, prompt in enumerate(prompts):
            self.memory.store(self.blocks[prompt][0], cache, row)
            self.prompt_tokens += len(prompt)

    def step(self) -> list[Piece]:
        """One more token for every row. Gives the ends; rows that end leave."""
        rows = self.rows
        q_R, t_R = rows.request_R, rows.past[-1].copy()
        logits_RV = self.decoder.step(rows.last_R, self.memory, rows.past)
        token_R, logp_R = self._draw(logits_RV, q_R, t_R)
        bad_R = ~np.isfinite(logp_R)
        watched = np.flatnonzero(self.watched_Q[q_R] & ~bad_R).tolist()
        for r in watched:
            s = self._at(int(q_R[r]))
            if s.job.top:
                s.note_top(logits_RV[r])
            token_R[r], logp_R[r] = self._guide(s, int(t_R[r]), int(token_R[r]), float(logp_R[r]))
        self.drawn_QT[q_R, t_R], self.logp_QT[q_R, t_R] = token_R, logp_R
        self.tokens += len(token_R)
        self.steps += 1
        rows.advance(token_R)
        stopped_R = np.isin(token_R, self.chat.end_ids)
        for r in watched:
            stopped_R[r] |= self._stops(int(q_R[r]), int(t_R[r]) + 1)
        ended_R = stopped_R | (t_R + 1 >= self.limit_Q[q_R]) | bad_R
        pieces = []
        for r in np.flatnonzero(ended_R).tolist():
            finish, error = "stop" if stopped_R[r] else "length", NOT_FINITE if bad_R[r] else ""
            pieces.append(self._piece(int(q_R[r]), int(t_R[r]) + 1, None if error else finish, error))
        if ended_R.any():
            self.remove(ended_R)
        return pieces

    def _draw(self, logits_RV: torch.Tensor, q_R: np.ndarray, t_R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `sampling.draw`, for rows that are sampled differently."""
        kind_R = self.kind_Q[q_R]
        if (kind_R == kind_R[0]).all():
            return draw(logits_RV, self.keys_Q[q_R], t_R, self._at(int(q_R[0])).job.sampling)
        token_R, logp_R = np.empty(len(q_R), np.int64), np.empty(len(q_R), np.float32)
        for kind in np.unique(kind_R):
            at = np.flatnonzero(kind_R == kind)
            sampling = self._at(int(q_R[at[0]])).job.sampling
            token_R[at], logp_R[at] = draw(logits_RV[torch.from_numpy(at)], self.keys_Q[q_R[at]], t_R[at], sampling)
        return token_R, logp_R

    def _guide(self, s: Sample, t: int, token: int, logp: float) -> tuple[int, float]:
        """The token to take: the one drawn, or one that closes a thought whose budget is spent."""
        if s.job.budget is None:
            return token, logp
        if not s.forced and s.deadline is not None and t >= s.deadline and token != self.close_ids[0]:
            s.forced.extend(self.close_ids)
        if s.forced:
            token, logp = s.forced.popleft(), 0.0
        if token == self.close_ids[0]:
            s.deadline = None
        elif token == self.think_id and t == 0:
            s.deadline = 1 + s.job.budget
        return token, logp

    def _stops(self, q: int, count: int) -> bool:
        """Whether a stop token or string has just been completed."""
        sampling = self._at(q).job.sampling
        if int(self.drawn_QT[q, count - 1]) in sampling.stop_token_ids:
            return True
        if not sampling.stop:
            return False
        longest = max(len(text.encode()) for text in sampling.stop)
        text = self.chat.decode(self.drawn_QT[q, max(0, count - longest - 1) : count].tolist())
        return any(stop in text for stop in sampling.stop)

    def news(self) -> list[Piece]:
        """What streams have gained since they were last told."""
        standing = self.rows.table_5R[[0, 4]].T.tolist()
        return [
            self._piece(q, count) for q, count in standing if (s := self._at(q)).job.stream and count > s.sent
        ]  # fmt: skip

    def _piece(self, q: int, count: int, finish: str | None = None, error: str = "") -> Piece:
        s = self._at(q)
        ids, logprobs = self.drawn_QT[q, s.sent : count].tolist(), self.logp_QT[q, s.sent : count].tolist()
        s.sent = count
        return Piece(s.job, s.index, ids, logprobs, s.take_top(), finish, error)

    def drop_cancelled(self) -> int:
        """Rows of cancelled jobs leave; gives how many."""
        gone_R = np.array([self._at(q).job.cancelled for q in self.rows.request_R.tolist()], bool)
        if gone_R.any():
            self.remove(gone_R)
        return int(gone_R.sum())

    def remove(self, gone_R: np.ndarray) -> None:
        """Rows leave, and with them what only they needed."""
        for q in self.rows.request_R[gone_R].tolist():
            prompt = self._at(q).prompt
            self.blocks[prompt][1] -= 1
            if not self.blocks[prompt][1]:
                self.free_blocks.append(self.blocks.pop(prompt)[0])
            self.samples[q] = None
        self.rows.remove(gone_R)

    def _at(self, q: int) -> Sample:
        s = self.samples[q]
        assert s is not None  # only live rows are asked about
        return s
