"""The embedded world's tokenizer: byte-level BPE in which every run of up to three digits is one token.

Any text round-trips, because every byte is a token. Spaces join the punctuation or word beside them and never a
number, so `44 + 19 = 63` is five tokens and a number is the same token wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from aha.chat import SPECIAL

PATTERN = r"\p{N}{1,3}| ?\p{L}+| ?[^\s\p{L}\p{N}]+ ?|\s+(?!\S)|\s+"
"""Numbers by threes, words with the space before them, punctuation with the spaces around it, other spaces."""


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learn word merges from texts, after a fixed part: special tokens, bytes, and all strings of 2 and 3 digits."""
    words = vocab_size - len(SPECIAL) - 1100
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = _pre_tokenizer()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=words, initial_alphabet=alphabet, show_progress=False)
    learned.train_from_iterator((_without_digits(text) for text in texts), trainer)

    two = [(a, b) for a, b in product("0123456789", repeat=2)]
    three = [(a + b, c) for a, b, c in product("0123456789", repeat=3)]
    late = [(a, b + c) for a, b, c in product("0123456789", repeat=3)]
    merges = two + three + late + _merges(learned)
    tokens = list(SPECIAL) + alphabet
    tokens += [a + b for a, b in two] + [a + b for a, b in three]
    tokens += [a + b for a, b in _merges(learned)]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _without_digits(text: str) -> str:
    """Digits would compete with words for merges; tags are special tokens and never split."""
    for tag in SPECIAL:
        text = text.replace(tag, "\n")
    return "".join("\n" if c.isdigit() else c for c in text)


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    import json

    return [
        tuple(m) if isinstance(m, list) else tuple(m.split(" "))
        for m in json.loads(tokenizer.to_str())["model"]["merges"]
    ]
