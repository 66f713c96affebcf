"""Supervised fine-tuning as a stage: a run folder that any interruption leaves continuable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from aha.pipeline.recipe import Machine
from aha.pipeline.recipe_r1 import FineTune
from aha.pipeline.screen import Screen
from aha.pipeline.training import Training, spare_memory
from aha.runlog import RunLog
from aha.train import sft
from aha.types import Example

Steps = Iterator[dict[str, float]]
Train = Callable[..., Steps]
"""`sft.train`, or what takes its place and its arguments."""


def fine_tuned(
    log: RunLog,
    base: Path,
    examples: Sequence[Example],
    settings: FineTune,
    machine: Machine,
    screen: Screen,
    train: Train = sft.train,
) -> Training:
    """Train the model of folder `base` on the examples to the last step, from wherever the open run folder stands."""
    training = Training(log, base, machine, lambda policy: sft.start(policy, settings))
    spare_memory(training, settings, machine, screen.note)
    state = training.state
    with training.stoppable(screen.note):
        steps = train(training.policy, training.chat, examples, settings, state, machine.seed, training.hold)
        for record in steps:
            log.metrics({"step": state.step, "time": time.time()} | record)
            training.release()
            screen.learn(record | {"step": state.step}, state.planned)
            if state.step % settings.save_every == 0:
                training.save()
            if state.step % 20 == 0 or state.step == state.planned:
                screen.note(
                    f"  step {state.step}/{state.planned}  loss {record['loss']:.3f}  "
                    f"{record['trained_per_second']:.0f} tokens a second"
                )
        training.save()
    return training
