"""How many puzzles of a test file the embedded base has read, and how often with a right answer.

    python -m benchmarks.corpus_overlap --test FILE.parquet [--share 1.0]

Writes the base's whole corpus again, both passes, without training, and reads every Countdown question in it. A puzzle
is the same whatever the order of its numbers. About an hour on one core; `--share` reads the beginning of each part.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from aha.chat import Chat, parse_reply
from aha.expressions import evaluate
from aha.models.folder import resolve
from aha.models.world.corpus import Reading, text
from aha.models.world.countdown_text import QUESTIONS_EN, QUESTIONS_ZH
from aha.tasks.countdown_rows import rows
from aha.train.pretrain import Pretrain, first_pass, second_pass

NUMBERS, TARGET = r"(?P<numbers>\d+(?:, \d+)+)", r"(?P<target>\d+)"
ASKED = re.compile(
    "|".join(
        re.escape(form).replace(r"\{numbers\}", NUMBERS.replace("numbers", f"numbers{i}")).replace(
            r"\{target\}", TARGET.replace("target", f"target{i}")
        )
        for i, form in enumerate(dict.fromkeys((*QUESTIONS_EN, *QUESTIONS_ZH)))
    )
)  # fmt: skip
Puzzle = tuple[tuple[int, ...], int]


def puzzle_of(page: str) -> Puzzle | None:
    """The puzzle that a text asks, if it asks one."""
    found = ASKED.match(page.removeprefix("User: "))
    if found is None:
        return None
    told = {name.rstrip("0123456789"): value for name, value in found.groupdict().items() if value}
    return tuple(sorted(map(int, told["numbers"].split(", ")))), int(told["target"])


def is_right(page: str, puzzle: Puzzle) -> bool:
    """Whether the text answers its puzzle rightly."""
    reply = parse_reply(page[page.find("<think>") :].partition("<|end|>")[0])
    try:
        value, used = evaluate(reply.conclusion if reply else "")
    except (ValueError, ZeroDivisionError):
        return False
    return value == puzzle[1] and tuple(sorted(used)) == puzzle[0]


def texts(reading: Reading, seed: int, chat: Chat, share: float) -> Iterator[str]:
    """The texts of one part of the corpus, as `corpus.batches` draws them."""
    rng, wanted, seen = random.Random(seed), share * reading.batches * reading.rows * (reading.tokens + 1), 0
    while seen < wanted:
        pages = [text(rng, reading.think, reading.drill, reading.broad) for _ in range(256)]
        seen += sum(map(len, chat.encode_batch(pages)))
        yield from pages


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0)
    given = parser.parse_args()
    asked = {(tuple(sorted(numbers)), target) for _, numbers, target in rows(given.test)}
    settings, chat, began = Pretrain(), Chat.load(resolve("tiny")), time.monotonic()
    read, right, puzzles, count = Counter[Puzzle](), Counter[Puzzle](), 0, 0
    for plan in (first_pass(settings), second_pass(settings)):
        for part, reading in enumerate(plan.readings):
            for page in texts(reading, plan.seed * 1000 + part, chat, given.share):
                count += 1
                puzzle = puzzle_of(page)
                puzzles += puzzle is not None
                if puzzle in asked:
                    read[puzzle] += 1
                    right[puzzle] += is_right(page, puzzle)
    for size in sorted({len(numbers) for numbers, _ in asked}):
        of_size = {puzzle for puzzle in asked if len(puzzle[0]) == size}
        seen, solved = of_size & set(read), {p for p in of_size if right[p]}
        print(f"{size} numbers: {len(of_size)} puzzles, {len(seen)} read ({sum(read[p] for p in seen)} times), "
              f"{len(solved)} with a right answer ({sum(right[p] for p in of_size)} times)")  # fmt: skip
    print(f"{count} texts, {puzzles} puzzles, {time.monotonic() - began:.0f} s, share {given.share}")


if __name__ == "__main__":
    main()
