"""A policy being trained in a run folder: continued where it stood, saved whole, and stopped only when nothing is half
changed.

With a given dtype and number of threads, a run that was killed and continued ends with the weights, bit for bit, of
one that was not.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Generic, TypeVar

import torch

from aha.chat import Chat
from aha.models import memory
from aha.models.folder import load_model
from aha.models.precision import DTYPES
from aha.models.process_scorer import ProcessScorer
from aha.models.scorer import Scorer
from aha.models.transformer import Transformer
from aha.pipeline.recipe import Machine
from aha.rollout.engine import TorchEngine
from aha.runlog import RunLog
from aha.train import reward_model
from aha.train.reward_model import RewardModel
from aha.train.settings import Grpo
from aha.train.sft import Sft
from aha.train.state import ADAPTERS, State, restore, store

S = TypeVar("S", Scorer, ProcessScorer)


class Stopped(BaseException):
    """The run was asked to stop (SIGTERM or ctrl-C). Its state is whole and is about to be saved."""


class Interruptible:
    """Training in a run folder that may be stopped at any moment and leaves a checkpoint of its last whole step."""

    def __init__(self, log: RunLog, state: State, write: Callable[[Path], None]) -> None:
        """`write` puts all that changes into a folder."""
        self.log, self.state, self._write = log, state, write
        self.busy = False
        """True while weights, logs or checkpoints change; a stop then waits for the end of it."""
        self.stopping = False

    def save(self) -> None:
        """Write a checkpoint."""
        self.hold()
        self.log.checkpoint(self.state.step, self._write)
        self.release()

    def hold(self) -> None:
        """From here on weights, logs or checkpoints are half changed: a stop has to wait."""
        self.busy = True

    def release(self) -> None:
        """Weights and logs agree again."""
        self.busy = False
        if self.stopping:
            raise Stopped

    def ask_to_stop(self, by: int, *_: FrameType | None) -> None:
        """SIGTERM: leave at once when nothing is half changed, else at the end of it."""
        self.stopping, self.by = True, by
        if not self.busy:
            raise Stopped

    @contextmanager
    def stoppable(self, say: Callable[[str], None]) -> Iterator[None]:
        """On SIGTERM or ctrl-C, save the last completed step and leave by SystemExit, 143 or 130."""
        before = {name: signal.signal(name, self.ask_to_stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        except Stopped:
            self.stopping = False
            self.save()
            say(f"stopped after step {self.state.step}; the same command continues")
            raise SystemExit(128 + self.by) from None
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


class Training(Interruptible):
    """A policy, the state of its training, and the run folder that both live in. A checkpoint is a model folder."""

    def __init__(self, log: RunLog, base: Path, machine: Machine, start: Callable[[Transformer], State]) -> None:
        """Take up the newest whole checkpoint of `log`, or begin from the model folder `base`."""
        set_threads(machine)
        dtype = DTYPES[machine.dtype]
        found = log.latest()
        step, folder = found if found else (0, base)
        began_from = base if (folder / ADAPTERS).exists() else folder
        self.chat, self.policy = Chat.load(folder), load_model(began_from, dtype)
        state = start(self.policy)
        if found:
            restore(self.policy, state, folder, dtype)
        log.rewind(step if found else -1)
        super().__init__(log, state, lambda folder: store(self.policy, self.chat, self.state, folder))


class ScorerTraining(Interruptible, Generic[S]):
    """A reward model of either kind, the state of its training, and the run folder that both live in."""

    def __init__(self, log: RunLog, base: Path, machine: Machine, settings: RewardModel, kind: type[S]) -> None:
        """Take up the newest whole checkpoint of `log`, or begin from the language model `base`."""
        set_threads(machine)
        found, dtype = log.latest(), DTYPES[machine.dtype]
        self.scorer: S = kind.load(found[1], dtype) if found else kind.from_base(base, dtype)
        state = reward_model.start(self.scorer, settings)
        if found:
            reward_model.restore(self.scorer, state, found[1])
        log.rewind(found[0] if found else -1)
        super().__init__(log, state, lambda folder: reward_model.store(self.scorer, self.state, folder))


def spare_memory(training: Training, settings: Sft | Grpo, machine: Machine, say: Callable[[str], None]) -> None:
    """Let layers be computed again in the backward pass where this machine lacks the memory to keep them."""
    config, held = training.policy.config, (settings.micro_tokens, DTYPES[machine.dtype], settings.lora)
    whole, again = (memory.parts(config, *held, recompute=r, threads=machine.threads or None) for r in (False, True))
    to_come = whole.moments + whole.sums + whole.working  # weights and masters are there already
    if to_come > memory.available() and again.working < whole.working:
        training.policy.recompute = True
        say("memory is short: layers are computed again in the backward pass, which takes about a third longer")


def set_threads(machine: Machine) -> None:
    """Use as many CPU threads as the settings say."""
    if machine.threads:
        torch.set_num_threads(machine.threads)


def engine_of(folder: Path, machine: Machine) -> TorchEngine:
    """An engine that samples from a model folder."""
    set_threads(machine)
    return TorchEngine(load_model(folder, DTYPES[machine.dtype]), Chat.load(folder))
