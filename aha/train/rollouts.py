"""One step's experience: problems drawn, groups of replies sampled and graded, and what each reply is worth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from aha.rewards.grading import Grading, Job
from aha.tasks.base import Task
from aha.train import loss as L
from aha.train.settings import Grpo
from aha.types import Completion, Engine, Problem, Sampling, Score

ADVANTAGES = {"z-score": L.z_score, "centred": L.centred, "leave-one-out": L.leave_one_out}


@dataclass
class Rollout:
    """What one step learns from: problems, their groups of replies, and the scores of each."""

    problems: list[Problem] = field(default_factory=list)
    groups: list[list[Completion]] = field(default_factory=list)
    scores: list[list[Score]] = field(default_factory=list)
    sampled_groups: int = 0
    flat_groups: int = 0
    """Groups whose rewards were all equal, also those that were replaced."""


def roll_out(engine: Engine, task: Task, settings: Grpo, seed: int) -> tuple[Rollout, dict[str, float]]:
    """Sample and grade the groups of a step, replacing those without a signal up to `settings.refill` times.

    A group is graded while others are sampled; the seconds of the reward are those that sampling did not hide.
    """
    rollout, spent, grading = Rollout(), {"sample": 0.0, "reward": 0.0}, Grading(task.rubric)
    for attempt in range(settings.refill + 1):
        wanted = settings.problems - len(rollout.groups)
        if not wanted:
            break
        clock, drawn = time.perf_counter(), seed * 101 + attempt
        problems = task.draw(wanted, drawn)
        sampling = Sampling(settings.group, settings.max_tokens, settings.temperature, seed=drawn)
        jobs: dict[int, Job] = {}

        def done(
            index: int, group: list[Completion], jobs: dict[int, Job] = jobs, problems: list[Problem] = problems
        ) -> None:
            jobs[index] = grading.submit(problems[index], group)

        groups = engine.generate([problem.prompt for problem in problems], sampling, done)
        spent["sample"] += time.perf_counter() - clock
        clock = time.perf_counter()
        last = attempt == settings.refill
        for index, (problem, group) in enumerate(zip(problems, groups, strict=True)):
            scores = grading.scores(jobs[index])
            flat = len({score.total for score in scores if score.total is not None}) < 2
            rollout.sampled_groups += 1
            rollout.flat_groups += flat
            if not flat or last or not settings.refill:
                rollout.problems.append(problem)
                rollout.groups.append(group)
                rollout.scores.append(scores)
        spent["reward"] += time.perf_counter() - clock
    grading.close()
    return rollout, spent


def rewards(rollout: Rollout, settings: Grpo) -> Tensor:
    """Total rewards, [B, G], NaN where a grader failed, less the penalty for overlong replies."""
    reward_BG = torch.tensor([[float("nan") if s.total is None else s.total for s in row] for row in rollout.scores])
    if settings.overlong:
        length_BG = torch.tensor([[len(c.token_ids) for c in group] for group in rollout.groups])
        reward_BG = reward_BG + L.soft_overlong_penalty(length_BG, settings.max_tokens, settings.overlong)
    return reward_BG


def advantages(rollout: Rollout, settings: Grpo) -> Tensor:
    """What each reply of a step teaches, [B, G]."""
    return ADVANTAGES[settings.advantage](rewards(rollout, settings))
