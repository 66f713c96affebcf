"""A reward model: the decoder with a scalar head on the last token, in place of the vocabulary.

    scorer = Scorer.from_base(TINY)
    scorer.scores([(render("Say hello."), "Hello!")])  ->  [0.0]      a new head scores everything 0

What is scored is prompt + text + the end token, and the state of that end token becomes the score; higher is better.
The decoder computes in its own dtype, the head in fp32, so that close scores stay apart. A Scorer is a
`aha.rewards.learned.Scorer`. Shapes: B texts, T tokens, E width.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aha.chat import END, Chat
from aha.errors import ModelError
from aha.models.folder import FAMILIES, from_hugging_face, load_model, read_weights, save_model
from aha.models.transformer import ModelConfig, Transformer

MARK = "aha-scorer"
"""The `model_type` of a scorer's folder, by which nothing takes it for a language model."""
HEAD = "score.safetensors"
BATCH_TOKENS = 16_384
"""Tokens scored at once, padding included."""


class ScoringModel(nn.Module):
    """The decoder and its head."""

    def __init__(self, decoder: Transformer) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = nn.Linear(decoder.config.hidden_size, 1, bias=False, device=decoder.device)
        nn.init.zeros_(self.head.weight)

    def forward(self, ids_BT: Tensor, length_B: Tensor) -> Tensor:
        """Scores [B], fp32, of rows that start at token 0 and are padded on the right."""
        hidden_BTE = self.decoder.hidden(ids_BT)
        last_BE = hidden_BTE[torch.arange(len(ids_BT), device=ids_BT.device), length_B - 1]
        score_B1: Tensor = self.head(last_BE.float())
        return score_B1[:, 0]


class Scorer:
    """A scoring model with its tokenizer."""

    def __init__(self, model: ScoringModel, chat: Chat) -> None:
        self.model, self.chat = model, chat

    @classmethod
    def from_base(cls, folder: Path, dtype: torch.dtype = torch.float32) -> Scorer:
        """A scorer on a language model's weights, to be trained. Raises ModelError for a folder that is none."""
        return cls(ScoringModel(load_model(folder, dtype)), Chat.load(folder))

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32) -> Scorer:
        """A trained scorer. Raises ModelError for a folder that holds none, or a damaged one."""
        folder = Path(folder)
        config = _read_config(folder)
        model = ScoringModel(Transformer(config).to(dtype))
        try:
            head = load_file(folder / HEAD)
            model.decoder.load_state_dict(from_hugging_face(read_weights(folder), config))
            model.head.load_state_dict({name.removeprefix("score."): tensor for name, tensor in head.items()})
        except (RuntimeError, SafetensorError, OSError) as error:
            raise ModelError(f"{folder} holds no whole scorer: {str(error).splitlines()[0]}") from error
        return cls(model, Chat.load(folder))

    def save(self, folder: Path) -> None:
        """Write a folder as of a Hugging Face model, marked as a scorer, with the head in a file of its own."""
        folder = Path(folder)
        decoder = self.model.decoder
        save_model(decoder, self.chat, folder)
        (folder / "generation_config.json").unlink()
        file = folder / "config.json"
        kind = {"model_type": MARK, "architectures": ["AhaScorer"], "decoder_type": decoder.config.family}
        file.write_text(json.dumps(json.loads(file.read_text()) | kind, indent=2) + "\n")
        save_file({"score.weight": self.model.head.weight.detach().contiguous()}, folder / HEAD)

    def ids(self, prompt: str, text: str, longest: int | None = None) -> list[int]:
        """The tokens that are scored. Of more than `longest` the first are left out: the end of a text is kept."""
        return [*self.chat.encode(prompt), *self.chat.encode(text), *self.chat.encode(END)][-(longest or 0) :]

    @torch.no_grad()
    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The score of each (prompt, text). Equal pairs are scored once; a score hardly depends on the others."""
        asked = list(dict.fromkeys(pairs))
        rows = [self.ids(*pair) for pair in asked]
        score: dict[tuple[str, str], float] = {}
        for part in batches(rows, BATCH_TOKENS):
            ids_BT, length_B = pad([rows[i] for i in part], self.model.decoder.device)
            score.update(zip((asked[i] for i in part), self.model(ids_BT, length_B).tolist(), strict=True))
        return [score[pair] for pair in pairs]

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return self.scores(pairs)


def batches(rows: Sequence[Sequence[int]], tokens: int) -> Iterator[list[int]]:
    """The rows' indices, longest first, in batches of at most `tokens` padded tokens, one row at least."""
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    while order:
        fit = max(1, tokens // len(rows[order[0]]))
        yield order[:fit]
        order = order[fit:]


def pad(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows as one tensor [B, T], padded on the right with token 0, and their lengths [B]."""
    widest = max(map(len, rows))
    ids_BT = torch.tensor([[*row, *[0] * (widest - len(row))] for row in rows], device=device)
    return ids_BT, torch.tensor([len(row) for row in rows], device=device)


def _read_config(folder: Path) -> ModelConfig:
    file = folder / "config.json"
    try:
        raw = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no scorer's folder: {error}") from error
    if raw.get("model_type") != MARK or raw.get("decoder_type") not in FAMILIES:
        raise ModelError(f"{folder} holds no scorer but a model of type {raw.get('model_type')!r}")
    known = {field.name: raw[field.name] for field in fields(ModelConfig) if field.name in raw}
    return ModelConfig(**known, family=raw["decoder_type"])
