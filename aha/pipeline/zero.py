"""R1-Zero as a run: a folder that any interruption leaves continuable, an evaluation now and then, a report at the end.

The same settings and the same folder continue where the newest whole checkpoint stands. With a given dtype and number
of threads, a run that was killed ends with the weights, bit for bit, of one that was not.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from aha.chat import Chat
from aha.config import dump
from aha.evaluate import Evaluation, evaluate
from aha.models.folder import load_model, resolve
from aha.pipeline.preflight import preflight
from aha.pipeline.recipe import Zero
from aha.pipeline.screen import Screen
from aha.rollout.engine import TorchEngine
from aha.runlog import RunLog, read_samples
from aha.tables import read_jsonl
from aha.tasks.base import Task
from aha.train import grpo
from aha.train.rollouts import Rollout, advantages
from aha.train.state import restore, store
from aha.types import Completion, Problem, Sampling, Score

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
MAY_CHANGE = ("steps", "keep", "save_every", "out")
"""Settings that a continued run may change: none of them alters the path of training."""
PROBES = 10
"""Test questions whose replies are kept at every evaluation, to be read side by side."""


class Stopped(BaseException):
    """The run was asked to stop (SIGTERM). Its state is whole and is about to be saved."""


def zero(settings: Zero, screen: Screen) -> Path:
    """Run R1-Zero, or go on with it; returns the run folder."""
    task = settings.task.task()
    with RunLog.open(Path(settings.out), dump(settings), ignore=MAY_CHANGE, keep=settings.keep) as log:
        run = _Run(settings, task, log, screen)
        with _stoppable(run):
            return run.go()


class _Run:
    """The parts of a run that its callbacks share."""

    def __init__(self, settings: Zero, task: Task, log: RunLog, screen: Screen) -> None:
        self.settings, self.task, self.log, self.screen = settings, task, log, screen
        if settings.threads:
            torch.set_num_threads(settings.threads)
        found = log.latest()
        step, folder = found if found else (0, resolve(settings.base))
        self.chat = Chat.load(folder)
        self.policy = load_model(folder, DTYPES[settings.dtype])
        self.state = grpo.start(self.policy, settings.grpo)
        if found:
            restore(self.policy, self.state, folder, DTYPES[settings.dtype])
        log.rewind(step if found else -1)
        self.engine = TorchEngine(self.policy, self.chat)
        self.base_reflection: float | None = None
        self.busy = False
        """True while weights, logs or checkpoints change; a stop then waits for the end of it."""
        self.stopping = False

    def go(self) -> Path:
        """Train to the last step, from wherever the folder stands."""
        if self.state.step:
            self.screen.note(f"continuing {self.settings.out} after step {self.state.step}")
        self.catch_up()
        self.base_reflection = next(row["reflection"] for row in self.evaluations() if row["step"] == 0)
        steps = grpo.train(
            self.policy, self.engine, self.task, self.settings.grpo, self.state, self.settings.steps,
            self.settings.seed, self.hold,
        )  # fmt: skip
        for rollout, record in steps:
            self.record(rollout, record)
            self.release()
            self.catch_up()
        return self.log.root

    def record(self, rollout: Rollout, record: dict[str, Any]) -> None:
        """Log a step: its numbers and all its replies."""
        self.log.samples(self.state.step, sample_rows(rollout, self.settings))
        record = {"step": self.state.step, "time": time.time()} | record | {"reflection_base": self.base_reflection}
        self.log.metrics(record)
        self.screen.step(record, self.settings.steps)

    def catch_up(self) -> None:
        """Evaluate and save if this step calls for it and that has not been done."""
        step, last = self.state.step, self.state.step == self.settings.steps
        if step == 0 and not self.evaluations():
            for line in preflight(self.engine, self.task, self.settings.grpo, self.settings.seed):
                self.screen.note(line)
        due = last or step % self.settings.evaluate.every == 0
        if due and not any(row["step"] == step for row in self.evaluations()):
            self.measure(final=last or step == 0)
        if last or step % self.settings.save_every == 0:
            self.save()

    def evaluations(self) -> list[dict[str, Any]]:
        """What has been measured so far."""
        file = self.log.root / "evals.jsonl"
        return read_jsonl(file) if file.exists() else []

    def measure(self, final: bool) -> None:
        """Evaluate on held-out problems; the first few replies are kept beside the step's own."""
        wanted = self.settings.evaluate
        questions, samples = (
            (wanted.final_questions, wanted.final_samples) if final else (wanted.questions, wanted.samples)
        )
        sampling = Sampling(samples, self.settings.grpo.max_tokens, wanted.temperature, seed=1)
        result = evaluate(self.engine, self.task, self.task.test[:questions], sampling)
        file = self.log.root / "samples" / f"step-{self.state.step:06d}.parquet"
        rows = (
            [row for row in read_samples(self.log.root, self.state.step) if not row["probe"]] if file.exists() else []
        )
        self.log.samples(self.state.step, rows + probe_rows(result))
        self.log.evaluation({"step": self.state.step, "model": self.settings.out, "time": time.time()} | result.summary)
        self.screen.evaluation(self.state.step, result.summary)

    def save(self) -> None:
        """Write a checkpoint: a model folder, the fp32 weights, and the optimizer's state."""
        self.hold()
        self.log.checkpoint(self.state.step, lambda folder: store(self.policy, self.chat, self.state, folder))
        self.release()

    def hold(self) -> None:
        """From here on weights, logs or checkpoints are half changed: a stop has to wait."""
        self.busy = True

    def release(self) -> None:
        """Weights and logs agree again."""
        self.busy = False
        if self.stopping:
            raise Stopped

    def ask_to_stop(self, *_: int | FrameType | None) -> None:
        """SIGTERM: leave at once when nothing is half changed, else at the end of it."""
        self.stopping = True
        if not self.busy:
            raise Stopped


@contextmanager
def _stoppable(run: _Run) -> Iterator[None]:
    """On SIGTERM or ctrl-C, save the last completed step and leave by SystemExit."""
    before = {name: signal.signal(name, run.ask_to_stop) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Stopped:
        run.stopping = False
        run.save()
        run.screen.note(f"stopped after step {run.state.step}; the same command continues")
        raise SystemExit(143) from None
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def sample_rows(rollout: Rollout, settings: Zero) -> list[dict[str, Any]]:
    """Every reply of a step as a row."""
    advantage_BG = advantages(rollout, settings.grpo).tolist()
    groups = zip(rollout.problems, rollout.groups, rollout.scores, advantage_BG, strict=True)
    return [
        sample_row(problem, s, reply, score) | {"advantage": advantage}
        for problem, group, scores, advantage_G in groups
        for s, (reply, score, advantage) in enumerate(zip(group, scores, advantage_G, strict=True))
    ]


def probe_rows(result: Evaluation) -> list[dict[str, Any]]:
    """The first reply to each of the first few test questions."""
    chosen = list(zip(result.problems, result.groups, result.scores, strict=True))[:PROBES]
    return [sample_row(p, 0, group[0], scores[0]) | {"probe": True} for p, group, scores in chosen]


def sample_row(problem: Problem, sample: int, reply: Completion, score: Score) -> dict[str, Any]:
    """One reply as it is kept in Parquet."""
    return {
        "problem": problem.id, "prompt": problem.prompt, "sample": sample, "reply": reply.text,
        "reward": score.total, "parts": json.dumps(score.parts), "reason": score.reason, "finish": reply.finish,
        "tokens": len(reply.token_ids), "advantage": None, "probe": False,
    }  # fmt: skip
