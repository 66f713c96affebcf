"""The last stage's learned rewards: two reward models, and reinforcement for all scenarios (arXiv 2501.12948, 2.3.4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aha.models.precision import DTYPES
from aha.models.scorer import Scorer
from aha.pipeline import world
from aha.pipeline.recipe_r1 import R1, Preferences
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.training import Interruptible, ScorerTraining
from aha.pipeline.work import MODEL, reinforced, toml_of
from aha.rewards.format import formatted
from aha.rewards.learned import harmless, helpful
from aha.rewards.rubric import Grade, GroupGrader, Rubric
from aha.runlog import RunLog
from aha.tasks.base import Task
from aha.tasks.general import correct, general
from aha.tasks.preferences import Labelled, Pair, world_labels, world_pairs
from aha.train import reward_model
from aha.types import Completion, Problem

Rows = Sequence[Pair] | Sequence[Labelled]
Train = Callable[..., Iterator[dict[str, float]]]
"""`reward_model.train_pairs` or `train_pointwise`."""


def helpfulness(run: Runner, s: R1, start: Stage) -> Stage:
    """The reward model of helpfulness, from pairs of final summaries."""
    seed = run.machine.seed
    pairs, others = world_pairs(s.helpful.pairs, seed), world_pairs(s.helpful.held_out, seed, held_out=True)
    return _scorer(run, "helpful", s.helpful, start, reward_model.train_pairs, pairs, others)


def harmlessness(run: Runner, s: R1, start: Stage) -> Stage:
    """The reward model of harmlessness, from whole replies marked safe or unsafe."""
    seed = run.machine.seed
    labels, others = world_labels(s.safe.pairs, seed), world_labels(s.safe.held_out, seed, held_out=True)
    return _scorer(run, "safe", s.safe, start, reward_model.train_pointwise, labels, others)


def _scorer(
    run: Runner, name: str, settings: Preferences, start: Stage, train: Train, rows: Rows, others: Rows
) -> Stage:
    told: dict[str, Setting] = {"reward_model": settings}

    def work(folder: Path) -> dict[str, Any]:
        with RunLog.open(folder, toml_of(told), keep=1) as log:
            training = ScorerTraining(log, start.model, run.machine, settings, Scorer)
            records = train(training.scorer, rows, settings, training.state, training.hold)
            learn(run, log, training, records, settings.save_every)
        found = reward_model.accuracy(training.scorer, others)
        training.scorer.save(folder / "model")
        return {
            "headline": f"{found.mean:.1%} of {len(others)} held-out choices right ({found.low:.1%} to {found.high:.1%})",
            "accuracy": found.mean, "accuracy_low": found.low, "accuracy_high": found.high, "rows": len(rows),
        }  # fmt: skip

    return run.stage(name, told, {"base": start}, MODEL, work)


def learn(
    run: Runner, log: RunLog, training: Interruptible, records: Iterator[dict[str, float]], save_every: int
) -> None:
    """Take all steps of a training of a scorer, with a checkpoint every so many and at the end."""
    with training.stoppable(run.screen.note):
        for record in records:
            log.metrics(record | {"time": time.time()})
            training.release()
            run.screen.learn(record, int(record["steps"]))
            if training.state.step % save_every == 0:
                training.save()
        training.save()


def all_scenarios(run: Runner, s: R1, start: Stage, helpful_model: Stage, safe_model: Stage) -> Stage:
    """Reinforcement for all scenarios: rules for reasoning, learned rewards for general prompts, language for both.

    The strict rule for general prompts is watched beside the learned rewards and teaches nothing: when the one rises
    and the other falls, the reward model is being deceived.
    """

    def task() -> Task:
        load = DTYPES[run.machine.dtype]
        learned = preferred(Scorer.load(helpful_model.model, load), Scorer.load(safe_model.model, load))
        rubric = Rubric((s.preference, learned), (0.1, formatted), (0.0, correct), (0.0, strict))
        asked = world.with_general(s.world, s.open_share, replace(general(), rubric=rubric))
        return world.in_one_language(asked, s.language)

    told: dict[str, Setting] = {
        "rl": s.scenarios, "world": s.world, "language": s.language, "preference": s.preference,
        "open_share": s.open_share,
    }  # fmt: skip
    return reinforced(run, "r1", told, task, s.scenarios, {"base": start, "helpful": helpful_model, "safe": safe_model})


def preferred(helps: Scorer, is_safe: Scorer) -> GroupGrader:
    """What the reward model that a prompt belongs to thinks of its replies: the column `reward` says which."""
    rewards = {"helpful": helpful(helps), "harmless": harmless(is_safe)}

    def preferred(problem: Problem, group: Sequence[Completion]) -> Sequence[Grade]:
        return rewards[problem.answer["reward"]](problem, group)

    return preferred


def strict(problem: Problem, group: Sequence[Completion]) -> Sequence[Grade]:
    """The strict rule under a name of its own, so that its curve stands beside that of the learned reward."""
    return correct(problem, group)
