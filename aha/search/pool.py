"""An engine that remembers on disk what it has drawn, so that a run resumes and any n <= N is read off one run of N.

    pool = Pool(engine, folder)
    Vote(n=64)(pool, task, problems, seed=0)      # draws
    Vote(n=8)(pool, task, problems, seed=0)       # the first 8 of those 64: nothing is drawn

A sample is known by the model's digest, the prompt, the sampling settings apart from n, which of several equal prompts of a
call it answers, and its number. Every strategy can use a pool, since it is an Engine: whole replies and continuations
alike are found again. Where more samples are asked for than are kept, all of that prompt's are drawn again in one call: the
kept ones stay, and the new ones are those that one large run would have drawn.

`ledger` counts what was served as if it had been drawn now, by one thread: costs do not depend on who drew first. Of an
engine that hides its tokens it knows nothing. Samples are written as groups end, some at a time, in files that are never
seen half written; several processes may share a folder.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from aha.disk import DRAFT, write_whole, writing
from aha.errors import RunError
from aha.rollout.engine import Ledger
from aha.tables import parquet, read_parquet
from aha.types import Completion, Engine, GroupDone, Prompt, Sampling

GROUPS = 32
"""Groups written together, at most: what a crash can lose."""


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: Completion
    seconds: float


class Pool:
    """`engine` with the memory in `folder`. `model` names its weights; by default they are digested.

    Raises RunError for a damaged file, and for an engine without weights whose model has no name.
    """

    def __init__(self, engine: Engine, folder: Path, model: str = "") -> None:
        self.engine, self.folder = engine, Path(folder)
        self.chat, self.model = getattr(engine, "chat", None), getattr(engine, "model", None)
        self.digest = model or digest_of(engine)
        self.ledger = Ledger()
        self._kept: dict[str, dict[int, _Kept]] = {}
        self._lock = Lock()
        for file in sorted(self.folder.glob("*.parquet")):
            if not file.name.startswith(DRAFT):
                self._read(file)

    def load_weights(self, named_tensors: dict[str, Any]) -> None:
        """Sample from these weights from the next call on; what others drew stays in the folder."""
        self.engine.load_weights(named_tensors)
        self.digest = digest_of(self.engine)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """As the engine's own, of which only what is not kept is asked."""
        keys = self._keys(prompts, sampling)
        lacking = {str(p) for p, key in zip(prompts, keys, strict=True) if len(self._kept.get(key, {})) < sampling.n}
        # all copies of a prompt together: which of them a reply answers is counted within a call
        asked = [i for i, prompt in enumerate(prompts) if str(prompt) in lacking]
        for i in sorted(set(range(len(prompts))) - set(asked)):
            if done:
                done(i, self._serve(keys[i], sampling.n))
        if asked:
            self._draw([prompts[i] for i in asked], [keys[i] for i in asked], asked, sampling, done)
        groups = [self._serve(key, sampling.n) for key in keys]
        self._count(keys, sampling.n)
        return groups

    def _draw(
        self, prompts: list[Prompt], keys: list[str], asked: list[int], sampling: Sampling, done: GroupDone | None
    ) -> None:
        """Have the engine draw, and keep what ends, also where the rest fails."""
        fresh: list[tuple[str, list[Completion]]] = []
        since = time.perf_counter()

        def ended(i: int, group: list[Completion]) -> None:
            nonlocal since
            with self._lock:
                fresh.append((keys[i], group))
                if len(fresh) == GROUPS:
                    since = self._keep(fresh, since)
            if done:
                done(asked[i], group)

        try:
            self.engine.generate(prompts, sampling, ended)
        finally:
            with self._lock:
                self._keep(fresh, since)

    def _keep(self, fresh: list[tuple[str, list[Completion]]], since: float) -> float:
        """Remember groups and write them; the time since the last were written is divided by tokens."""
        now = time.perf_counter()
        total = sum(len(reply.token_ids) for _, group in fresh for reply in group)
        rows = []
        for key, group in fresh:
            for number, reply in enumerate(group):
                seconds = (now - since) * len(reply.token_ids) / max(1, total)
                self._kept.setdefault(key, {}).setdefault(number, _Kept(reply, seconds))
                rows.append({"key": key, "sample": number, "seconds": seconds, **_row(reply)})
        fresh.clear()
        if rows:
            name = hashlib.blake2b(repr([(r["key"], r["sample"]) for r in rows]).encode(), digest_size=16).hexdigest()
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_whole(self.folder / f"{name}.parquet", parquet(rows))
        return now

    def _read(self, file: Path) -> None:
        for row in read_parquet(file):
            try:
                reply = Completion(row["text"], row["prompt_ids"], row["token_ids"], row["logprobs"], row["finish"])
                self._kept.setdefault(row["key"], {}).setdefault(row["sample"], _Kept(reply, row["seconds"]))
            except KeyError as error:
                raise RunError(f"{file} is no pool of samples: it lacks {error}; give another folder") from None

    def _serve(self, key: str, n: int) -> list[Completion]:
        return [self._kept[key][number].reply for number in range(n)]

    def _count(self, keys: Sequence[str], n: int) -> None:
        """Add what these groups took when they were drawn."""
        longest = 0
        for key in keys:
            kept = [self._kept[key][number] for number in range(n)]
            self.ledger.prompt_tokens += len(kept[0].reply.prompt_ids)
            self.ledger.tokens += sum(len(k.reply.token_ids) for k in kept)
            self.ledger.seconds += sum(k.seconds for k in kept)
            longest = max(longest, *(len(k.reply.token_ids) for k in kept))
        self.ledger.steps += longest

    def _keys(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[str]:
        """What each prompt's samples are known by."""
        s, seen, keys = sampling, Counter[str](), []
        settings = (s.max_tokens, s.temperature, s.top_p, s.top_k, s.stop, s.stop_token_ids, s.seed)
        for prompt in prompts:
            text = repr((self.digest, settings, prompt, seen[str(prompt)]))
            keys.append(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
            seen[str(prompt)] += 1
        return keys


def _row(reply: Completion) -> dict[str, Any]:
    return {
        "text": reply.text, "prompt_ids": reply.prompt_ids, "token_ids": reply.token_ids, "logprobs": reply.logprobs,
        "finish": reply.finish,
    }  # fmt: skip


def digest_of(engine: Any) -> str:
    """A name for an engine's weights, their precision and its tokenizer: equal for what samples alike.

    Raises RunError for an engine that holds no weights.
    """
    model = getattr(engine, "model", None)
    if not isinstance(model, torch.nn.Module):
        raise RunError("this engine holds no weights to tell models apart by: give the pool the model's name")
    found = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    chat = getattr(engine, "chat", None)
    found.update(chat.tokenizer.to_str().encode() if chat else b"")
    return found.hexdigest()
