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
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from aha.chat import Chat
from aha.errors import ModelError
from aha.models.decode import Memory
from aha.models.families import FAMILIES, config_of
from aha.models.folder import from_hugging_face, load_model, read_weights
from aha.models.packing import pack
from aha.models.readings import Reading, parts, reading_of
from aha.models.remembered import LIMIT, Remembered, Remembering
from aha.models.scorer import HEAD, Scorer, ScoringModel
from aha.models.scorer import MARK as OUTCOME_MARK
from aha.models.steps import Aggregate, last, split
from aha.models.transformer import Transformer
from aha.threads import side_by_side

T = TypeVar("T")

MARK = "aha-process-scorer"
"""The `model_type` of a process scorer's folder."""


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

    def __init__(self, model: ScoringModel, chat: Chat, within: Aggregate = last, kept: int = LIMIT) -> None:
        self.model, self.chat, self.within = model, chat, within
        self.remembering = Remembering(model.decoder, kept)
        """`with scorer.remembering()`, what has been read is not read again in any later call: a search reads new steps only."""

    @classmethod
    def from_base(cls, folder: Path, dtype: torch.dtype = torch.float32) -> ProcessScorer:
        """A scorer on a language model's weights, to be trained. Raises ModelError for a folder that is none."""
        return cls(ScoringModel(load_model(folder, dtype)), Chat.load(folder))

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32, within: Aggregate = last) -> ProcessScorer:
        """A trained scorer. Raises ModelError for a folder that holds none, or a damaged one."""
        folder = Path(folder)
        raw = _read_config(folder)
        config = config_of(raw | {"model_type": raw["decoder_type"]}, folder / "config.json")
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
        [ids] = self.chat.prompt_ids([prompt])
        return reading_of(ids, self.chat.encode_batch(list(steps)), longest)

    def __call__(self, prompts: Sequence[str], replies: Sequence[str]) -> tuple[list[list[float]], list[int]]:
        """Of each reply, the score in [0, 1] after each of its steps, and how many tokens were read for it.

        Equal texts are read once, and so is what several texts begin with, up to their last step: one of them pays for
        it. An empty reply has no scores.
        """
        pairs = list(zip(prompts, replies, strict=True))
        asked = [pair for pair in dict.fromkeys(pairs) if pair[1]]
        readings = self._readings(asked)
        remembered = self.remembering.now or Remembered(self.model.decoder, 0)
        remembered.begin(max((len(r.ids) for r in readings), default=0))
        cut = list(parts(readings))
        works = [partial(self._read, remembered, [readings[i] for i in part]) for part in cut]
        scores, cost = dict[tuple[str, str], list[float]](), Counter[tuple[str, str]]()
        for part, found in zip(cut, _in_threads(works), strict=True):
            for i, (notes, read) in zip(part, found, strict=True):
                scores[asked[i]], cost[asked[i]] = self._of_steps(readings[i], notes), read
        return [scores.get(pair, []) for pair in pairs], [cost.pop(pair, 0) for pair in pairs]

    def _readings(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """As `read` of each prompt and reply, every prompt and step encoded once."""
        prompts, steps = list({prompt for prompt, _ in pairs}), [split(reply) for _, reply in pairs]
        different = list({step for row in steps for step in row})
        of_prompt = dict(zip(prompts, self.chat.prompt_ids(prompts), strict=True))
        of_step = dict(zip(different, self.chat.encode_batch(different), strict=True))
        return [reading_of(of_prompt[p], [of_step[s] for s in row]) for (p, _), row in zip(pairs, steps, strict=True)]

    @torch.inference_mode()
    def _read(self, remembered: Remembered, readings: Sequence[Reading]) -> list[tuple[np.ndarray, int]]:
        """The score at each token of each reading, and how many tokens were computed for it.

        What comes before the last step is computed once for all that share it, and the first of them pays.
        """
        begins = {tuple(r.ids[: r.before_last]): r.start for r in readings}
        block = {begin: i for i, begin in enumerate(begins)}
        blocks, roots = list(block.values()), list(begins.values())
        rest = [len(r.ids) - r.before_last for r in readings]
        sizes = len(begins), max(map(len, begins)), len(readings), max(rest)
        memory = Memory(self.model.decoder.config, *sizes, dtype=self.model.decoder.dtype)
        computed, notes = remembered.fill(list(map(list, begins)), memory, blocks, roots, self._note)
        block_B = [block[tuple(r.ids[: r.before_last])] for r in readings]
        at_N = np.concatenate([np.arange(n) for n in rest])
        where = (np.repeat(np.array(x), rest) for x in (block_B, [r.before_last for r in readings], range(len(rest))))
        ids_N = np.array([i for r in readings for i in r.ids[r.before_last :]])
        state_NE = remembered.decoder(0).read(ids_N, memory, (*where, at_N))
        found = []
        for slot, (r, note_T) in enumerate(
            zip(readings, np.split(self._note(state_NE), np.cumsum(rest)[:-1]), strict=True)
        ):
            remembered.prefixes.keep(r.ids, memory.own_arrays, slot, r.before_last, note_T)
            found.append((np.concatenate((notes[block_B[slot]], note_T)), computed[block_B[slot]] + rest[slot]))
            computed[block_B[slot]] = 0
        return found

    def _note(self, state_NE: Tensor) -> np.ndarray:
        """What the head says of states, as a chance."""
        note_N: np.ndarray = self.model.head(state_NE.float())[:, 0].sigmoid().numpy()
        return note_N

    def _of_steps(self, reading: Reading, note_T: np.ndarray) -> list[float]:
        """A score for each step out of those of its tokens."""
        if self.within is last:
            return [float(note_T[end - 1]) for end in reading.ends]
        return [self.within(note_T[span.start : span.stop].tolist()) for span in reading.spans()]


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
