"""Train reward models: from pairs, which reply is better (Bradley-Terry), or from single replies, which are safe.

    scorer = Scorer.from_base(TINY, torch.bfloat16)
    state = start(scorer, settings)
    for record in train_pairs(scorer, world_pairs(4000, seed=0), settings, state): ...
    accuracy(scorer, world_pairs(500, seed=0, held_out=True))

R1 trained its helpfulness model on pairs and its safety model on single replies, one epoch, batch 256, learning rate
6e-6 (arXiv 2501.12948 v2, the appendix on reward models). Left out: margins between the five verdicts, several devices.
"""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from aha.config import Settings
from aha.errors import DataError
from aha.models.process_scorer import ProcessScorer
from aha.models.scorer import Scorer, ScoringModel, batches
from aha.stats import Interval, clustered_mean
from aha.tasks.preferences import Labelled, Pair
from aha.train import state as states
from aha.train.optim import MasterWeights, gradients_side_by_side
from aha.train.state import State

Measure = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(score_BK, label_B) -> (loss_B, right_B), for K texts an item."""


@dataclass(frozen=True, slots=True)
class Item:
    """The tokens of K texts that are learnt from together, and their label, if there is one."""

    texts: list[list[int]]
    label: float = 0.0

    @property
    def tokens(self) -> int:
        """How many they are."""
        return sum(map(len, self.texts))


class RewardModel(Settings):
    """How a reward model is trained."""

    epochs: int = Field(1, ge=1)
    """Times the data is read. R1 took one: a reward model that has seen its pairs twice remembers them."""
    batch: int = Field(32, ge=1)
    """Pairs, or single replies, an optimizer step."""
    lr: float = Field(3e-4, gt=0, le=1)
    """Peak learning rate of AdamW; it rises over `warmup` steps and falls evenly to zero."""
    warmup: int = Field(5, ge=0)
    """Optimizer steps over which the learning rate rises."""
    max_tokens: int = Field(1024, ge=8)
    """Longest prompt and reply together; of a longer one the beginning is left out."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm."""
    micro_tokens: int = Field(16_384, ge=1)
    """Tokens a forward and backward pass holds at once."""
    seed: int = 0
    """Seed of the order of the data."""


def start(scorer: Scorer | ProcessScorer, settings: RewardModel) -> State:
    """Fresh state for a scorer about to be trained."""
    masters = MasterWeights(scorer.model)
    optimizer = torch.optim.AdamW(masters.tensors, lr=settings.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    return State(masters, optimizer)


def bradley_terry(chosen_B: Tensor, rejected_B: Tensor) -> Tensor:
    """-log sigmoid(r_c - r_r), [B]: how surprising it is that the chosen one was chosen (arXiv 2203.02155, section 3.5)."""
    return -F.logsigmoid(chosen_B - rejected_B)


def binary(score_B: Tensor, safe_B: Tensor) -> Tensor:
    """Cross-entropy, [B], of labels 0 or 1 whose logit is the score."""
    return F.binary_cross_entropy_with_logits(score_B, safe_B, reduction="none")


def train_pairs(
    scorer: Scorer,
    pairs: Sequence[Pair],
    settings: RewardModel,
    state: State,
    hold: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, float]]:
    """Train the scorer in place on pairs, from `state.step` to the last epoch's end, yielding a record a step.

    A step's pairs are a function of the seed and the step, so a run continued from a saved state takes the same path.
    `hold` is called when weights are about to change, which they do until the record is yielded.
    Raises DataError when there is no pair.
    """

    def measure(score_BK: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
        chosen_B, rejected_B = score_BK.unbind(1)
        return bradley_terry(chosen_B, rejected_B), chosen_B > rejected_B

    texts = [[(pair.prompt, pair.chosen), (pair.prompt, pair.rejected)] for pair in pairs]
    items = [Item([scorer.ids(*text, settings.max_tokens) for text in both]) for both in texts]
    yield from _train(scorer, items, measure, settings, state, hold)


def train_pointwise(
    scorer: Scorer,
    labelled: Sequence[Labelled],
    settings: RewardModel,
    state: State,
    hold: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, float]]:
    """The same on single replies: the logistic of the score is the chance that a reply is safe."""

    def measure(score_BK: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
        return binary(score_BK[:, 0], label_B), (score_BK[:, 0] > 0) == (label_B > 0)

    items = [Item([scorer.ids(row.prompt, row.reply, settings.max_tokens)], float(row.safe)) for row in labelled]
    yield from _train(scorer, items, measure, settings, state, hold)


def _train(
    scorer: Scorer,
    items: Sequence[Item],
    measure: Measure,
    settings: RewardModel,
    state: State,
    hold: Callable[[], None],
) -> Iterator[dict[str, float]]:
    if not items:
        raise DataError("a reward model needs data to train on, got none")
    state.planned = steps(len(items), settings)
    while state.step < state.planned:
        began = time.perf_counter()
        batch = [items[i] for i in batch_at(state.step, len(items), settings)]
        stats = _gradients(scorer, batch, measure, settings, state)
        hold()
        stats |= apply_update(settings, state)
        state.step += 1
        yield {"step": state.step, "steps": state.planned, **stats, "seconds": time.perf_counter() - began}


def steps(items: int, settings: RewardModel) -> int:
    """Optimizer steps over all epochs; the last of an epoch may be smaller."""
    return settings.epochs * -(-items // settings.batch)


def batch_at(step: int, items: int, settings: RewardModel) -> list[int]:
    """Which items a step learns from: every epoch reads all of them in an order of its own."""
    epoch, place = divmod(step, steps(items, settings) // settings.epochs)
    order = random.Random(f"reward model {settings.seed} {epoch}").sample(range(items), items)
    return order[place * settings.batch : (place + 1) * settings.batch]


def _gradients(
    scorer: Scorer, batch: Sequence[Item], measure: Measure, settings: RewardModel, state: State
) -> dict[str, float]:
    """Leave the gradient of the batch's mean loss in the masters, a thread for each share; returns means over items."""

    def backward(model: ScoringModel, part: Sequence[Item]) -> tuple[float, float, int]:
        rows = [text for item in part for text in item.texts]
        label_B = torch.tensor([item.label for item in part], device=model.decoder.device)
        loss_B, right_B = measure(model(rows).view(len(part), -1), label_B)
        (loss_B.sum() / len(batch)).backward()  # over the whole batch, so that cutting it changes nothing
        return float(loss_B.detach().sum()), float(right_B.sum()), sum(map(len, rows))

    dealt = sorted(batch, key=lambda item: -item.tokens)
    threads = min(torch.get_num_threads(), len(batch))
    parts = [list(_micro_batches(dealt[i::threads], settings.micro_tokens // threads)) for i in range(threads)]
    done = gradients_side_by_side(scorer.model, state.masters, parts, backward)
    loss, right, tokens = (sum(column) for column in zip(*done, strict=True))
    return {"loss": loss / len(batch), "accuracy": right / len(batch), "tokens": float(tokens)}


def _micro_batches(items: Sequence[Item], tokens: int) -> Iterator[list[Item]]:
    yield from ([items[i] for i in part] for part in batches([range(item.tokens) for item in items], tokens))


def apply_update(settings: RewardModel, state: State) -> dict[str, float]:
    """Take the optimizer step. A gradient that is not finite is dropped and counted, never applied."""
    norm = state.masters.clip(settings.max_grad_norm)
    rise = min(1.0, (state.step + 1) / (settings.warmup + 1))
    lr = state.optimizer.param_groups[0]["lr"] = settings.lr * rise * (1 - state.step / state.planned)
    finite = math.isfinite(norm)
    if finite:
        state.optimizer.step()
        state.masters.publish()
    else:
        state.masters.zero()
    return {"grad_norm": norm, "lr": lr, "skipped_updates": float(not finite)}


def store(scorer: Scorer | ProcessScorer, state: State, folder: Path) -> None:
    """A checkpoint's files: the scorer's folder, which its `load` reads, and what training goes on from."""
    states.store(scorer.model.decoder, scorer.chat, state, folder)
    scorer.save(folder)


def restore(scorer: Scorer | ProcessScorer, state: State, folder: Path) -> None:
    """Undo `store`: the scorer is loaded already, the rest is put in place."""
    decoder = scorer.model.decoder
    states.restore(decoder, state, folder, decoder.dtype)


def accuracy(scorer: Scorer, rows: Sequence[Pair | Labelled]) -> Interval:
    """The share of pairs whose chosen text scores higher, or of single replies on the right side of 0.

    Equal scores of a pair count as a half. The interval is at 95 % and clustered by prompt. Raises DataError for no rows.
    """
    if not rows:
        raise DataError("accuracy needs rows to measure on, got none")
    texts = [(row.prompt, row.chosen) if isinstance(row, Pair) else (row.prompt, row.reply) for row in rows]
    rivals = [(row.prompt, row.rejected) for row in rows if isinstance(row, Pair)]
    score = scorer.scores([*texts, *rivals])
    right = defaultdict[str, list[float]](list)
    for i, row in enumerate(rows):
        margin = score[i] - score[len(rows) + i] if isinstance(row, Pair) else score[i] if row.safe else -score[i]
        right[row.prompt].append(
            0.5 * (margin > 0) + 0.5 * (margin >= 0) if isinstance(row, Pair) else float(margin > 0)
        )
    return clustered_mean(right.values())
