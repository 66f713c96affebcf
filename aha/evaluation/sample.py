"""Sample what a folder still lacks, so that the replies are those of one undisturbed run.

An engine's noise belongs to the request: it is a function of the seed, the prompt, which of equal prompts in the call it
is, and the sample's number. So three things must hold whatever was kept before, or a second call repeats the first
call's noise: equal prompts travel together, in their order; a question is asked for all its samples, from number 0; and
the seed stays. The arithmetic does depend a little on who shares a batch, so that in bf16 a reply may, rarely, turn out
differently. So questions go in fixed lots, each drawn by an engine and a thread of its own, and a lot that lacks anything
is drawn whole: bit for bit the same with any number of workers, interrupted or not.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from aha import disk, tables
from aha.errors import EngineError
from aha.evaluation.store import Name, Store, names
from aha.threads import side_by_side
from aha.types import Completion, Engine, Problem, Sampling

LOT = 256
"""Requests in a lot, at most: enough to fill an engine's thread, few enough to share out and to lose."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who draws what: an even number of equal lots, so that two cores are busy to the end, each of at most `lot` requests.
    0 asks for exactly what is missing in one call, for engines whose replies do not depend on their company. Of several
    processes that draw lots, `share` = (2, 4) is the second of four."""

    lot: int = LOT
    workers: int = 1
    share: tuple[int, int] = (1, 1)


def sample(
    make: Callable[[], Engine], store: Store, problems: Sequence[Problem], sampling: Sampling, plan: Plan,
    say: Callable[[int, int], None] = lambda done, of: None,
) -> int:  # fmt: skip
    """Draw what is missing of `sampling.n` replies to each question, and keep it; returns the tokens drawn.

    `make` gives each worker an engine; `say` hears how many questions of how many are done. Raises EngineError where an
    engine failed on some; the others are kept.
    """
    began = time.perf_counter()
    lots = _lots(problems, sampling.n, store.missing(problems, sampling.n), plan)
    if not lots:
        return 0
    keeper = _Keeper(store, sum(len(lot) for lot in lots), say)
    left, lock, halted = iter(lots), threading.Lock(), threading.Event()

    def work() -> None:
        torch.set_num_threads(1)  # so that the engine never divides a lot
        engine = make()
        while not halted.is_set():
            with lock:
                lot = next(left, None)
            if lot is None:
                return
            _draw(engine, lot, sampling, keeper)

    workers = max(1, min(plan.workers, len(lots)))
    try:
        if plan.lot:
            side_by_side([work] * workers, halted.set)
        else:
            work()
    finally:
        keeper.write()
        spent = {"seconds": time.perf_counter() - began, "tokens": keeper.tokens, "workers": workers}
        tables.mend(store.folder / "sessions.jsonl")
        disk.append(store.folder / "sessions.jsonl", tables.json_line(spent))
    return keeper.tokens


Asked = tuple[Name, str]


def _lots(problems: Sequence[Problem], n: int, missing: set[Name], plan: Plan) -> list[list[Asked]]:
    """The lots that lack something, equal prompts side by side. Which lot a question is in depends on the questions alone."""
    together: dict[str, list[Asked]] = {}
    for name, problem in zip(names(problems), problems, strict=True):
        together.setdefault(name[0], []).append((name, problem.prompt))
    if not plan.lot:
        mine = [ones for ones in together.values() if any(name in missing for name, _ in ones)]
        return [[one for ones in mine for one in ones]] if mine else []
    pairs = max(1, math.ceil(len(problems) / (2 * max(1, plan.lot // n))))
    most = math.ceil(len(problems) / (2 * pairs))
    lots: list[list[Asked]] = [[]]
    for ones in together.values():
        if lots[-1] and len(lots[-1]) + len(ones) > most:
            lots.append([])
        lots[-1] += ones
    first, of = plan.share
    return [lot for lot in lots[first - 1 :: of] if any(name in missing for name, _ in lot)]


def _draw(engine: Engine, lot: list[Asked], sampling: Sampling, keeper: _Keeper) -> None:
    def done(index: int, group: list[Completion]) -> None:
        keeper.keep(lot[index][0], group)

    try:
        engine.generate([prompt for _, prompt in lot], sampling, done)
    except EngineError as error:
        kept = f"{error}; what came is kept in {keeper.store.folder}, and the same command asks for the rest"
        raise EngineError(kept, error.groups) from None


class _Keeper:
    """Groups on their way to the disk, from any thread: written when there are many, or after a while."""

    MANY, SECONDS = 64, 30.0

    def __init__(self, store: Store, of: int, say: Callable[[int, int], None]) -> None:
        self.store, self.of, self.say = store, of, say
        self.lock, self.waiting, self.written = (
            threading.Lock(),
            list[tuple[Name, list[Completion]]](),
            time.monotonic(),
        )
        self.done = self.tokens = 0

    def keep(self, name: Name, group: list[Completion]) -> None:
        with self.lock:
            self.waiting.append((name, group))
            self.done += 1
            self.tokens += sum(len(reply.token_ids) for reply in group)
            self.say(self.done, self.of)
            if len(self.waiting) >= self.MANY or time.monotonic() - self.written > self.SECONDS:
                self._write()

    def write(self) -> None:
        with self.lock:
            self._write()

    def _write(self) -> None:
        if self.waiting:
            self.store.add(self.waiting)
        self.waiting, self.written = [], time.monotonic()
