"""A process reward model: the decoder with a scalar head that is read after every step of a reply.

    scorer = ProcessScorer.from_base(TINY)
    scorer([render("Using the numbers 1, 2, make 3.")], ["<think>1 + 2 = 3 yes\\n</think><answer>1 + 2</answer>"])
    ->  ([[0.5, 0.5]], [31])      a new head scores everything 0.5; 31 tokens were read

The whole reply is read once, and the logistic of the head at a step's last token is that step's score (Math-Shepherd,
arXiv 2312.08935, section 3.2, with a scalar in place of two words of the vocabulary). The decoder looks back only, so a
step's score does not change when the reply goes on. A ProcessScorer is an `aha.search.types.StepScorer`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from aha.chat import Chat
from aha.errors import ModelError
from aha.models.folder import FAMILIES, from_hugging_face, load_model, read_weights
from aha.models.packing import pack
from aha.models.scorer import HEAD, Scorer, ScoringModel
from aha.models.scorer import MARK as OUTCOME_MARK
from aha.models.steps import Aggregate, last, split
from aha.models.transformer import ModelConfig, Transformer
from aha.threads import side_by_side

T = TypeVar("T")

MARK = "aha-process-scorer"
"""The `model_type` of a process scorer's folder."""
BATCH_TOKENS = 16_384
"""Tokens read at once."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tokens of a prompt and a reply, and where each step of the reply ends: the position after its last token."""

    ids: list[int]
    start: int
    """Where the first step begins."""
    ends: list[int]

    @property
    def before_last(self) -> int:
        """Where the last step begins: what comes earlier is shared with other ways to go on."""
        return self.ends[-2] if len(self.ends) > 1 else self.start

    def spans(self) -> list[range]:
        """The positions of each step's tokens."""
        return [range(begin, end) for begin, end in zip([self.start, *self.ends], self.ends, strict=False)]


def logits_at(model: ScoringModel, readings: Sequence[Reading], positions: Sequence[Sequence[int]]) -> Tensor:
    """The head's logits at some positions of each reading, fp32, end to end, [N]. Equal beginnings are computed once."""
    seen = Counter(tuple(r.ids[: r.before_last]) for r in readings)
    shared = [r.before_last if seen[tuple(r.ids[: r.before_last])] > 1 else 0 for r in readings]
    packed, device = pack([r.ids for r in readings], shared), model.decoder.device
    at_N = [
        (begin if p < n else rest) + p
        for wanted, n, begin, rest in zip(positions, shared, packed.begin, packed.rest, strict=True)
        for p in wanted
    ]
    hidden_ME = model.decoder.hidden_packed(packed.ids_M.to(device), packed.at_M.to(device), packed.stretches)
    logit_N1: Tensor = model.head(hidden_ME[torch.tensor(at_N, device=device)].float())
    return logit_N1[:, 0]


class ProcessScorer:
    """A scoring model read after every step.

    `within` makes the score of a step out of those of its tokens: by default the last one's, for which it is trained.
    """

    def __init__(self, model: ScoringModel, chat: Chat, within: Aggregate = last) -> None:
        self.model, self.chat, self.within = model, chat, within

    @classmethod
    def from_base(cls, folder: Path, dtype: torch.dtype = torch.float32) -> ProcessScorer:
        """A scorer on a language model's weights, to be trained. Raises ModelError for a folder that is none."""
        return cls(ScoringModel(load_model(folder, dtype)), Chat.load(folder))

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32, within: Aggregate = last) -> ProcessScorer:
        """A trained scorer. Raises ModelError for a folder that holds none, or a damaged one."""
        folder = Path(folder)
        raw = _read_config(folder)
        known = {field.name: raw[field.name] for field in fields(ModelConfig) if field.name in raw}
        config = ModelConfig(**known | {"family": raw["decoder_type"]})
        model = ScoringModel(Transformer(config).to(dtype))
        try:
            model.decoder.load_state_dict(from_hugging_face(read_weights(folder), config))
            model.head.load_state_dict({"weight": load_file(folder / HEAD)["score.weight"]})
        except (RuntimeError, SafetensorError, OSError, KeyError) as error:
            raise ModelError(f"{folder} holds no whole process scorer: {str(error).splitlines()[0]}") from error
        return cls(model, Chat.load(folder), within)

    def save(self, folder: Path) -> None:
        """Write a folder like an outcome scorer's, marked so that neither is taken for the other."""
        Scorer(self.model, self.chat).save(folder)
        file = Path(folder) / "config.json"
        kind = {"model_type": MARK, "architectures": ["AhaProcessScorer"]}
        file.write_text(json.dumps(json.loads(file.read_text()) | kind, indent=2) + "\n")

    def read(self, prompt: str, steps: Sequence[str], longest: int | None = None) -> Reading:
        """The tokens to be read. Steps are encoded one by one, so that those of a beginning stay when it goes on.

        Of a text of more than `longest` tokens the last steps are left out.
        """
        ids = self.chat.encode(prompt)
        start, ends = len(ids), list[int]()
        for step in self.chat.encode_batch(list(steps)):
            if longest is not None and len(ids) + len(step) > longest:
                break
            ids += step
            ends.append(len(ids))
        return Reading(ids, start, ends)

    def __call__(self, prompts: Sequence[str], replies: Sequence[str]) -> tuple[list[list[float]], list[int]]:
        """Of each reply, the score in [0, 1] after each of its steps, and how many tokens were read for it.

        Equal texts are read once, and so is what several texts begin with, up to their last step: one of them pays for
        it. An empty reply has no scores.
        """
        pairs = list(zip(prompts, replies, strict=True))
        asked = [pair for pair in dict.fromkeys(pairs) if pair[1]]
        readings = [self.read(prompt, split(reply)) for prompt, reply in asked]
        parts = list(_parts(readings))
        works = [partial(self._scores, [readings[i] for i in part]) for part in parts]
        scores, cost = dict[tuple[str, str], list[float]](), Counter[tuple[str, str]]()
        for part, found in zip(parts, _in_threads(works), strict=True):
            for i, row, read in zip(part, found, _costs([readings[i] for i in part]), strict=True):
                scores[asked[i]], cost[asked[i]] = row, read
        return [scores.get(pair, []) for pair in pairs], [cost.pop(pair, 0) for pair in pairs]

    @torch.no_grad()
    def _scores(self, readings: Sequence[Reading]) -> list[list[float]]:
        """Scores of the steps of readings that are computed together."""
        spans = [r.spans() for r in readings]
        if self.within is last:
            spans = [[span[-1:] for span in row] for row in spans]
        score = iter(logits_at(self.model, readings, [[p for s in row for p in s] for row in spans]).sigmoid().tolist())
        return [[self.within([next(score) for _ in span]) for span in row] for row in spans]


def _parts(readings: Sequence[Reading]) -> Iterator[list[int]]:
    """The readings' indices in batches of at most BATCH_TOKENS tokens to compute; those that share a beginning together."""
    order = sorted(range(len(readings)), key=lambda i: (readings[i].before_last, readings[i].ids))
    part, held = list[int](), 0
    for i, cost in zip(order, _costs([readings[i] for i in order]), strict=True):
        if part and held + cost > BATCH_TOKENS:
            yield part
            part, held = [], 0
        part.append(i)
        held += cost if held else len(readings[i].ids)
    if part:
        yield part


def _costs(readings: Sequence[Reading]) -> list[int]:
    """Tokens computed for each of readings that are computed together: the first of those that share a beginning pays for it."""
    seen, costs = set[tuple[int, ...]](), list[int]()
    for r in readings:
        begin = tuple(r.ids[: r.before_last])
        costs.append(len(r.ids) - (len(begin) if begin in seen else 0))
        seen.add(begin)
    return costs


def _in_threads(works: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all works, in order; a thread does a run of them alone."""

    def run(share: Sequence[Callable[[], T]]) -> list[T]:
        return [work() for work in share]

    threads = max(1, min(torch.get_num_threads(), len(works)))
    shares = [works[i * len(works) // threads : (i + 1) * len(works) // threads] for i in range(threads)]
    return [result for results in side_by_side([partial(run, share) for share in shares]) for result in results]


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        raw = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no process scorer's folder: {error}") from error
    if raw.get("model_type") != MARK or raw.get("decoder_type") not in FAMILIES:
        kind = (
            "an outcome scorer"
            if raw.get("model_type") == OUTCOME_MARK
            else f"a model of type {raw.get('model_type')!r}"
        )
        raise ModelError(f"{folder} holds no process scorer but {kind}")
    return raw
