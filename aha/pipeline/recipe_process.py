"""What the recipe of a process reward model may say."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from aha.config import Folder, Settings
from aha.pipeline.recipe import Countdown, Machine
from aha.train.process_reward import ProcessReward


class Replies(Settings):
    """The policy's replies whose steps are labelled."""

    problems: int = Field(1000, ge=1)
    """Training problems."""
    samples: int = Field(8, ge=1)
    """Replies to each."""
    held_out: int = Field(200, ge=2)
    """Test problems, whose replies measure the labels and the model."""
    max_tokens: int = Field(400, ge=1)
    """Longest reply."""
    temperature: float = Field(1.0, ge=0)
    """Sampling temperature."""


class Model(ProcessReward):
    """How the scorer is trained."""

    save_every: int = Field(50, ge=1)
    """Steps between checkpoints."""


class Process(Machine):
    """A process reward model: replies, labels for their steps, training, and how good labels and scores are."""

    recipe: Literal["process"] = "process"
    policy: str = "runs/laptop"
    """Whose replies are labelled: a model, a model folder, or a run folder."""
    base: str = ""
    """What becomes the scorer; empty takes the policy."""
    out: Folder = "runs/process"
    """The run folder. The same command continues what it holds."""
    task: Countdown = Countdown(numbers=[4])
    """The puzzles."""
    replies: Replies = Replies()
    """What is labelled."""
    labels: Literal["exact", "outcomes", "soft", "hard"] = "outcomes"
    """exact: whether a line is right, by rule; outcomes: how its reply ended; soft and hard: the share of completions
    from there that are right, or whether any is (Math-Shepherd, arXiv 2312.08935)."""
    completions: int = Field(8, ge=1)
    """Completions from the end of each step, for soft and hard labels."""
    file: str = ""
    """Solutions with human labels in PRM800K's format, to learn from in place of the policy's replies."""
    model: Model = Model()
    """How the scorer is trained."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out)
