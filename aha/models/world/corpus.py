"""The mix: which texts the base reads, how often, and how they are cut into rows of tokens."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty

import numpy as np

from aha.chat import Chat
from aha.errors import AhaError
from aha.models.world import arithmetic_text, general_text
from aha.models.world.broad_text import broad_text
from aha.models.world.countdown_text import countdown_text

MIX: tuple[tuple[float, Callable[[random.Random], str]], ...] = (
    (0.14, arithmetic_text.equations_text),
    (0.10, arithmetic_text.checks_text),
    (0.06, arithmetic_text.chain_text),
    (0.02, general_text.fact_text),
    (0.015, general_text.translation_text),
    (0.015, general_text.choice_text),
    (0.015, general_text.program_text),
    (0.005, general_text.talk_text),
)
"""Share of texts of each kind; the rest is Countdown."""


def text(rng: random.Random, think: float, drill: float = 0.0, broad: float = 0.0) -> str:
    """One text of the corpus."""
    if broad and rng.random() < broad:
        return broad_text(rng, think)
    if drill and rng.random() < drill:
        return (arithmetic_text.divisions_text if rng.random() < 0.3 else arithmetic_text.drill_text)(rng)
    pick = rng.random()
    for share, write in MIX:
        pick -= share
        if pick < 0:
            return write(rng)
    return countdown_text(rng, think, seasoned=drill > 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One stretch of the corpus: `batches` of `rows` rows of `tokens` tokens."""

    batches: int
    rows: int
    tokens: int
    think: float
    """Share of Countdown replies that search. Late text guesses more, which is what the base then does."""
    drill: float = 0.0
    """Share of texts that practise arithmetic and checks, on top of the mix; with any, Countdown writers are seasoned."""
    broad: float = 0.0
    """Share of texts of many kinds (`broad_text`), on top of the mix."""


def batches(chat: Chat, reading: Reading, seed: int) -> Iterator[np.ndarray]:
    """Rows of tokens, [rows, tokens + 1], uint16. Every row starts with a text; the last one in it may be cut."""
    rng = random.Random(seed)
    width = reading.tokens + 1
    for _ in range(reading.batches):
        batch = np.empty((reading.rows, width), np.uint16)
        row, filled = 0, 0
        while row < reading.rows:
            for ids in chat.encode_batch([text(rng, reading.think, reading.drill, reading.broad) for _ in range(256)]):
                taken = ids[: width - filled]
                batch[row, filled : filled + len(taken)] = taken
                filled += len(taken)
                if filled == width:
                    row, filled = row + 1, 0
                    if row == reading.rows:
                        break
        yield batch


def _produce(queue: multiprocessing.Queue, tokenizer: str, readings: list[Reading], seed: int) -> None:
    from tokenizers import Tokenizer

    chat = Chat(Tokenizer.from_str(tokenizer))
    for part, reading in enumerate(readings):
        for batch in batches(chat, reading, seed * 1000 + part):
            queue.put(batch)


def stream(chat: Chat, readings: list[Reading], seed: int) -> Iterator[np.ndarray]:
    """The same batches, made in a second process so that training never waits for text."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue = context.Queue(maxsize=16)
    worker = context.Process(target=_produce, args=(queue, chat.tokenizer.to_str(), readings, seed), daemon=True)
    worker.start()
    try:
        for _ in range(sum(reading.batches for reading in readings)):
            while True:
                try:
                    yield queue.get(timeout=5)
                    break
                except Empty:
                    if not worker.is_alive():
                        raise AhaError(
                            f"the process that writes the corpus ended with status {worker.exitcode}"
                        ) from None
    finally:
        worker.terminate()
        worker.join()
