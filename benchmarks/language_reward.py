"""How often the language reward is right on labelled snippets, and how many replies it grades in a second.

    python -m benchmarks.language_reward [--replies 10000] [--json]

A snippet is right when exactly its languages are found and each share is within 0.1 of its label. Only the rows marked
"dev" were looked at while the word lists and rules were made.

The replies have 200 words each and are all different: sentences of the snippets in random order, with new numbers, and
two misspelt words each, which no cache has seen. The rate is that of one core, by the process's own time.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from aha.language import LANGUAGES, language_shares
from aha.rewards.language import in_language
from aha.types import Completion, Problem

SNIPPETS = Path(__file__).resolve().parent.parent / "tests" / "data" / "language.jsonl"
NEAR = 0.1
WORDS = 200


def read_snippets() -> list[dict[str, Any]]:
    """The labelled snippets: their text, the share of each language, and whether they are for tuning or testing."""
    return [json.loads(line) for line in SNIPPETS.read_text(encoding="utf-8").splitlines()]


def is_right(found: dict[str, float], shares: dict[str, float]) -> bool:
    """Whether exactly the labelled languages are found, each about as often as labelled."""
    return found.keys() == shares.keys() and all(abs(found[k] - shares[k]) <= NEAR for k in shares)


def accuracy(snippets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Accuracy by split, and within each by the languages of the snippet."""
    right: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in snippets:
        kind = "+".join(row["shares"]) if len(row["shares"]) == 1 else f"{next(iter(row['shares']))}, mixed"
        held = is_right(language_shares(row["text"]), row["shares"])
        for name in ("all", "pure" if len(row["shares"]) == 1 else "mixed", kind):
            right[row["split"]][name].append(held)
    return {
        split: {kind: {"n": len(held), "accuracy": sum(held) / len(held)} for kind, held in kinds.items()}
        for split, kinds in right.items()
    }


def misspell(word: str, random: random.Random) -> str:
    """The word with two letters swapped and one added."""
    i = random.randrange(len(word) - 1)
    return word[:i] + word[i + 1] + word[i] + random.choice("aeiourstn") + word[i + 2 :]


def write_reply(sentences: list[str], random: random.Random) -> str:
    """A reply whose thinking has about 200 words, a character of Chinese or Japanese being one."""
    thinking, count = [], 0
    for sentence in random.sample(sentences, len(sentences)):
        if count >= WORDS:
            break
        thinking.append(re.sub(r"\d", lambda _: random.choice("123456789"), sentence))
        count += len(re.findall(r"[\u3041-\u30fc\u3400-\u9fff]|[^\W\u3041-\u30fc\u3400-\u9fff]+", thinking[-1]))
    words = " ".join(thinking).split(" ")
    for i in random.sample(range(len(words)), min(2, len(words))):
        words[i] = misspell(words[i], random) if words[i].isascii() and len(words[i]) > 3 else words[i]
    return f"<think>{' '.join(words)}</think><answer>42</answer>"


def replies_a_second(snippets: list[dict[str, Any]], replies: int) -> dict[str, float]:
    """Replies graded in a second of processor time: all sentences in one language, and every other one mixed.

    A tenth as many are graded beforehand, as they are in any run after its first steps.
    """
    draw, rates = random.Random(0), {}
    for language in LANGUAGES:
        own = [row for row in snippets if next(iter(row["shares"])) == language]
        for name, rows in ((language, [row for row in own if len(row["shares"]) == 1]), (f"{language}, mixed", own)):
            sentences = [row["text"] for row in rows]
            group = [Completion(write_reply(sentences, draw)) for _ in range(replies // (2 * len(LANGUAGES)))]
            first = len(group) // 10
            in_language(language)(Problem(""), group[:first])
            start = time.process_time()
            in_language(language)(Problem(""), group[first:])
            rates[name] = (len(group) - first) / (time.process_time() - start)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replies", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    snippets = read_snippets()
    found, rates = accuracy(snippets), replies_a_second(snippets, args.replies)
    overall = len(rates) / sum(1 / rate for rate in rates.values())
    if args.json:
        print(json.dumps({"accuracy": found, "replies_a_second": {"all": overall, **rates}}))
        return
    for split, kinds in found.items():
        for kind, held in kinds.items():
            print(f"{split:5} {kind:10} {held['accuracy']:7.1%} of {held['n']}")
    for name, rate in {"all": overall, **rates}.items():
        print(f"{name:10} {rate:8.0f} replies a second")


if __name__ == "__main__":
    main()
