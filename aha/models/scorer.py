"""A reward model: the decoder with a scalar head on the last token, in place of the vocabulary.

    scorer = Scorer.from_base(TINY)
    scorer.scores([(render("Say hello."), "Hello!")])  ->  [0.0]      a new head scores everything 0

What is scored is prompt + text + the end token, and the state of that end token becomes the score; higher is better.
The decoder computes in its own dtype, the head in fp32, so that close scores stay apart. A Scorer is a
`aha.rewards.learned.Scorer`. Shapes: B texts, T tokens, E width.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aha.chat import Chat
from aha.errors import ModelError
from aha.models.families import FAMILIES, config_of
from aha.models.folder import from_hugging_face, load_model, read_weights, save_model
from aha.models.transformer import ModelConfig, Transformer

MARK = "aha-scorer"
"""The `model_type` of a scorer's folder, by which nothing takes it for a language model."""
HEAD = "score.safetensors"
BATCH_TOKENS = 16_384
"""Tokens scored at once."""
ROUND, ROUND_ROWS = 16, 4
"""Sides of a padded tensor are multiples of these: matrix products of a size not seen before take time to set up."""


class ScoringModel(nn.Module):
    """The decoder and its head."""

    def __init__(self, decoder: Transformer) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = nn.Linear(decoder.config.hidden_size, 1, bias=False, device=decoder.device)
        nn.init.zeros_(self.head.weight)

    def forward(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Scores [B], fp32, of rows of token ids, in their order. Rows of about one length are computed together."""
        parts = list(alike(rows))
        score_B = torch.cat([self._together([rows[i] for i in part]) for part in parts])
        place_B = torch.tensor([i for part in parts for i in part], device=score_B.device)
        return torch.zeros_like(score_B).index_copy(0, place_B, score_B)

    def _together(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Scores of rows in one padded tensor, whose sides are multiples of ROUND_ROWS and ROUND."""
        device, T = self.decoder.device, up(max(map(len, rows)), ROUND)
        ids_BT = torch.zeros(up(len(rows), ROUND_ROWS), T, dtype=torch.long)
        for ids_T, row in zip(ids_BT, rows, strict=False):
            ids_T[: len(row)] = torch.tensor(row)
        hidden_BTE = self.decoder.hidden(ids_BT.to(device))
        last_B = torch.tensor([len(row) - 1 for row in rows], device=device)
        score_B1: Tensor = self.head(hidden_BTE[torch.arange(len(rows), device=device), last_B].float())
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
        return [*self.chat.prompt_ids([prompt])[0], *self.chat.encode(text), self.chat.end_id][-(longest or 0) :]

    @torch.no_grad()
    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The score of each (prompt, text). Equal pairs are scored once; a score hardly depends on the others."""
        asked = list(dict.fromkeys(pairs))
        rows = [self.ids(*pair) for pair in asked]
        score: dict[tuple[str, str], float] = {}
        for part in batches(rows, BATCH_TOKENS):
            score.update(zip((asked[i] for i in part), self.model([rows[i] for i in part]).tolist(), strict=True))
        return [score[pair] for pair in pairs]

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return self.scores(pairs)


def batches(rows: Sequence[Sequence[int]], tokens: int) -> Iterator[list[int]]:
    """The rows' indices, longest first, in batches of at most `tokens` tokens, one row at least."""
    batch, held = list[int](), 0
    for i in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
        if batch and held + len(rows[i]) > tokens:
            yield batch
            batch, held = [], 0
        batch.append(i)
        held += len(rows[i])
    if batch:
        yield batch


def alike(rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The rows' indices, those together that are padded to one length."""
    by_length = defaultdict[int, list[int]](list)
    for i, row in enumerate(rows):
        by_length[up(len(row), ROUND)].append(i)
    yield from (by_length[length] for length in sorted(by_length))


def up(n: int, multiple: int) -> int:
    """`n`, or the next multiple."""
    return -(-n // multiple) * multiple


def _read_config(folder: Path) -> ModelConfig:
    file = folder / "config.json"
    try:
        raw = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no scorer's folder: {error}") from error
    if raw.get("model_type") != MARK or raw.get("decoder_type") not in FAMILIES:
        raise ModelError(f"{folder} holds no scorer but a model of type {raw.get('model_type')!r}")
    return config_of(raw | {"model_type": raw["decoder_type"]}, file)
