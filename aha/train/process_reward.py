"""Train process reward models: after each step of a reply, the chance that it is right, or that it leads to a right answer.

    scorer = ProcessScorer.from_base(TINY, torch.bfloat16)
    state = start(scorer, settings)
    for record in train(scorer, rows, settings, state): ...

The loss is the cross-entropy of a step's label, 0, 1 or anything between, at the step's last token (Math-Shepherd, arXiv
2312.08935, equation 2), averaged over the labelled steps of a batch, so that a long reply counts for more. Labels come from
`aha.tasks.process_labels`, `countdown_steps` and `process_files`. Order, learning rate and checkpoints are those
of `aha.train.reward_model`; how good the scores are is measured in `aha.train.process_measures`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from pydantic import Field
from torch.nn import functional as F

from aha.errors import DataError
from aha.models.process_scorer import ProcessScorer, logits_at
from aha.models.readings import Reading
from aha.models.scorer import ScoringModel, batches
from aha.tasks.process_labels import LabelledSteps
from aha.train.optim import gradients_side_by_side
from aha.train.reward_model import RewardModel, apply_update, batch_at, restore, start, steps, store
from aha.train.state import State

__all__ = ["Item", "ProcessReward", "items", "restore", "start", "store", "train"]


class ProcessReward(RewardModel):
    """How a process reward model is trained. A batch is counted in replies, and of a long one the last steps are left out."""

    every_token: bool = Field(False)
    """Learn a step's label at all of its tokens, for scores that are read at all of them; or at its last one only."""


@dataclass(frozen=True, slots=True)
class Item:
    """A reply to be learnt: its tokens, the positions that have a label, and the labels."""

    reading: Reading
    positions: list[int]
    labels: list[float]


def items(scorer: ProcessScorer, rows: Sequence[LabelledSteps], settings: ProcessReward) -> list[Item]:
    """What there is to learn; a reply without any label, or none within `max_tokens`, is left out."""
    found = []
    for row in rows:
        reading = scorer.read(row.prompt, row.steps, settings.max_tokens)
        both = [
            (p, label)
            for span, label in zip(reading.spans(), row.labels, strict=False)
            if label is not None
            for p in (span if settings.every_token else span[-1:])
        ]
        if both:
            found.append(Item(reading, [p for p, _ in both], [label for _, label in both]))
    return found


def train(
    scorer: ProcessScorer,
    rows: Sequence[LabelledSteps],
    settings: ProcessReward,
    state: State,
    hold: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, float]]:
    """Train the scorer in place, from `state.step` to the last epoch's end, yielding a record a step.

    A step's replies are a function of the seed and the step, so a run continued from a saved state takes the same path.
    `hold` is called when weights are about to change, which they do until the record is yielded. Raises DataError when there is nothing to learn, or a row's steps and labels differ in number.
    """
    for number, row in enumerate(rows):
        if len(row.steps) != len(row.labels):
            raise DataError(f"row {number} has {len(row.steps)} steps and {len(row.labels)} labels: give each step one")
    learnt = items(scorer, rows, settings)
    if not learnt:
        raise DataError("a process reward model needs labelled steps to train on, got none")
    state.planned = steps(len(learnt), settings)
    while state.step < state.planned:
        began = time.perf_counter()
        batch = [learnt[i] for i in batch_at(state.step, len(learnt), settings)]
        stats = _gradients(scorer, batch, settings, state)
        hold()
        stats |= apply_update(settings, state)
        state.step += 1
        yield {"step": state.step, "steps": state.planned, **stats, "seconds": time.perf_counter() - began}


def _gradients(scorer: ProcessScorer, batch: Sequence[Item], settings: ProcessReward, state: State) -> dict[str, float]:
    """Leave the gradient of the mean loss in the masters, a thread for each share; returns means over labelled steps."""
    count = sum(len(item.labels) for item in batch)

    def backward(model: ScoringModel, part: Sequence[Item]) -> tuple[float, float, int]:
        label_N = torch.tensor([label for item in part for label in item.labels], device=model.decoder.device)
        logit_N = logits_at(model, [item.reading for item in part], [item.positions for item in part])
        loss_N = F.binary_cross_entropy_with_logits(logit_N, label_N, reduction="none")
        (loss_N.sum() / count).backward()  # over the whole batch, so that cutting it changes nothing
        right = ((logit_N > 0) == (label_N > 0.5)).sum()
        return float(loss_N.detach().sum()), float(right), sum(len(item.reading.ids) for item in part)

    dealt = sorted(batch, key=lambda item: -len(item.reading.ids))
    threads = min(torch.get_num_threads(), len(batch))
    parts = [list(_micro_batches(dealt[i::threads], settings.micro_tokens // threads)) for i in range(threads)]
    done = gradients_side_by_side(scorer.model, state.masters, parts, backward)
    loss, right, tokens = (sum(column) for column in zip(*done, strict=True))
    return {"loss": loss / count, "accuracy": right / count, "labels": float(count), "tokens": float(tokens)}


def _micro_batches(batch: Sequence[Item], tokens: int) -> Iterator[list[Item]]:
    yield from ([batch[i] for i in part] for part in batches([item.reading.ids for item in batch], tokens))
