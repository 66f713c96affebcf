"""Reinforcement as a run: a folder that any interruption leaves continuable, and an evaluation now and then.

The same settings and the same folder continue where the newest whole checkpoint stands.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from aha.config import dump
from aha.errors import UnsoundError
from aha.evaluate import Evaluation, evaluate
from aha.models.folder import resolve
from aha.models.precision import DTYPES
from aha.pipeline.preflight import preflight
from aha.pipeline.recipe import Machine, Rl, Zero
from aha.pipeline.screen import Screen
from aha.pipeline.training import Training, spare_memory
from aha.rollout.engine import TorchEngine
from aha.rollout.vllm_engine import VllmEngine
from aha.runlog import RunLog, read_samples
from aha.tables import read_jsonl
from aha.tasks.base import Task
from aha.tasks.data import Data
from aha.train import grpo
from aha.train.health import Health, Verdict
from aha.train.rollouts import Rollout, advantages
from aha.types import Completion, Engine, Problem, Sampling, Score

MAY_CHANGE = ("steps", "keep", "save_every", "out", "health")
"""Settings that a continued run may change: none of them alters the path of training."""
PROBES = 10
"""Test questions whose replies are kept at every evaluation, to be read side by side."""


def zero(settings: Zero, screen: Screen) -> Path:
    """Run R1-Zero, or go on with it; returns the run folder."""
    task = settings.task.task() if settings.data is None else _from_data(settings.data, screen)
    with RunLog.open(Path(settings.out), dump(settings), ignore=MAY_CHANGE, keep=settings.keep) as log:
        reinforce(log, resolve(settings.base), task, settings, settings, screen)
    return Path(settings.out)


def _from_data(data: Data, screen: Screen) -> Task:
    """The task of a recipe's data; what was left out of them is told."""
    loaded = data.load()
    for line in loaded.notes:
        screen.note(line)
    return loaded.task


def reinforce(log: RunLog, base: Path, task: Task, settings: Rl, machine: Machine, screen: Screen) -> Training:
    """Train the model of folder `base` on `task` to the last step, from wherever the open run folder stands."""
    training = Training(log, base, machine, lambda policy: grpo.start(policy, settings.grpo))
    spare_memory(training, settings.grpo, machine, screen.note)
    with training.stoppable(screen.note):
        _Reinforcement(training, base, task, settings, machine, screen).go()
    return training


class _Reinforcement:
    """The parts of a run that its steps share."""

    def __init__(
        self, training: Training, base: Path, task: Task, settings: Rl, machine: Machine, screen: Screen
    ) -> None:
        self.training, self.task, self.settings, self.seed, self.screen = (
            training, task, settings, machine.seed, screen,
        )  # fmt: skip
        self.log, self.state = training.log, training.state
        self.engine: Engine = TorchEngine(training.policy, training.chat)
        if settings.engine == "vllm":
            self.engine = VllmEngine(base, DTYPES[machine.dtype])
            self.engine.load_weights(training.policy.state_dict())
        self.base_reflection: float | None = None
        self.health = Health(settings.health, machine.dtype)
        self.verdict = Verdict("ok")
        for record in read_jsonl(self.log.root / "metrics.jsonl"):
            self.verdict = self.health.check(record)

    def go(self) -> None:
        """Train to the last step."""
        if self.state.step:
            self.screen.note(f"continuing {self.log.root} after step {self.state.step}")
        self.catch_up()
        self.base_reflection = next(row["reflection"] for row in self.evaluations() if row["step"] == 0)
        steps = grpo.train(
            self.training.policy, self.engine, self.task, self.settings.grpo, self.state, self.settings.steps,
            self.seed, self.training.hold,
        )  # fmt: skip
        for rollout, record in steps:
            record = self.record(rollout, record)
            self.training.release()
            if self.settings.engine != "torch":  # which has weights of its own
                self.engine.load_weights(self.training.policy.state_dict())
            self.watch(record)
            self.catch_up()

    def record(self, rollout: Rollout, record: dict[str, Any]) -> dict[str, Any]:
        """Log a step: its numbers and all its replies. Returns the numbers as they are logged."""
        self.log.samples(self.state.step, sample_rows(rollout, self.settings))
        record = {"step": self.state.step, "time": time.time()} | record | {"reflection_base": self.base_reflection}
        record["layers"] = self.training.policy.config.num_hidden_layers
        self.log.metrics(record)
        self.screen.step(record, self.settings.steps)
        return record

    def watch(self, record: dict[str, Any]) -> None:
        """Say what the guards say of a step, when they change their opinion. Raises UnsoundError when they stop the run."""
        last, self.verdict = self.verdict, self.health.check(record)
        if self.verdict.words and (self.verdict.state, self.verdict.guard) != (last.state, last.guard):
            self.screen.note(f"  {self.verdict.state} ({self.verdict.guard}): {self.verdict.words}")
        if self.verdict.state not in ("halt", "rollback"):
            return
        if self.verdict.good is None:
            self.training.save()  # the weights themselves are sound
        else:
            self.log.forget(self.verdict.good)
        found = self.log.latest()
        left = f"; the weights of step {found[0]} are in {found[1]}" if found else ""
        raise UnsoundError(f"{self.log.root}: stopped after step {self.state.step}: {self.verdict.words}{left}")

    def catch_up(self) -> None:
        """Evaluate and save if this step calls for it and that has not been done."""
        step, last = self.state.step, self.state.step == self.settings.steps
        if step == 0 and not self.evaluations():
            for line in preflight(self.engine, self.task, self.settings.grpo, self.seed):
                self.screen.note(line)
        due = last or step % self.settings.evaluate.every == 0
        if due and not any(row["step"] == step for row in self.evaluations()):
            self.measure(final=last or step == 0)
        if (last or step % self.settings.save_every == 0) and not self.health.suspect:
            self.training.save()

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
        self.log.evaluation(
            {"step": self.state.step, "model": str(self.log.root), "time": time.time()} | result.summary
        )
        self.screen.evaluation(self.state.step, result.summary)


def sample_rows(rollout: Rollout, settings: Rl) -> list[dict[str, Any]]:
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
