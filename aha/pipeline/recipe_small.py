"""What the recipes of small budgets may say: a curated set and one fine-tuning, and learning from whole searches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from aha.config import Folder, Settings
from aha.pipeline.recipe import Collect, Countdown, Machine
from aha.pipeline.recipe_r1 import FineTune


class Exam(Settings):
    """How every model of a recipe is measured, on puzzles that none was trained on."""

    questions: int = Field(400, ge=2)
    """Puzzles asked."""
    samples: int = Field(16, ge=1)
    """Replies to each; pass@k is measured up to so many."""
    max_tokens: int = Field(400, ge=1)
    """Longest reply."""
    temperature: float = Field(1.0, ge=0)
    """Sampling temperature."""


class Small(Machine):
    """What recipes of small budgets share."""

    base: str = "tiny"
    """The base model: `tiny` is the one that comes with aha, anything else a model folder."""
    task: Countdown = Countdown()
    """The puzzles."""
    sft: FineTune = FineTune()
    """How the base learns: `epochs` and `examples` are those of the fullest reading, and every other one takes as many
    tokens in about as many steps."""
    exam: Exam = Exam()
    """How every model is measured."""


class Refiner(Settings):
    """Who reformats replies: rules for the embedded world, or a model on a server."""

    url: str = ""
    """A server that speaks OpenAI's protocol, ending in /v1; none takes the rules."""
    model: str = ""
    """The model to ask for there."""
    key_variable: str = ""
    """The environment variable that holds the key."""


class SkyT1(Small):
    """Sky-T1: sample a teacher, reformat, reject, and fine-tune a base once, on sets of several sizes."""

    recipe: Literal["sky-t1"] = "sky-t1"
    teacher: str = "runs/zero"
    """The model to learn from: a model folder, or the run folder of one that was trained."""
    out: Folder = "runs/sky-t1"
    """The run folder. The same command continues what it holds."""
    samples: Collect = Collect()
    """How the teacher is sampled, and what is kept of it."""
    refiner: Refiner = Refiner()
    """Who reformats."""
    sizes: list[Annotated[int, Field(ge=1)]] = Field([100, 400, 1600], min_length=1)
    """How many examples each student learns from."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out)


class Walks(Settings):
    """How search trees are walked."""

    problems: int = Field(1000, ge=1)
    """Training puzzles."""
    trials: int = Field(1, ge=1)
    """Children of a node that are tried, the root excepted, where all may be."""
    branches: int = Field(12, ge=1)
    """Most failed branches of a walk."""


class Journey(Small):
    """Journey learning (arXiv 2410.18982): the whole search against the way to its goal, at equal cost."""

    recipe: Literal["journey"] = "journey"
    out: Folder = "runs/journey"
    """The run folder. The same command continues what it holds."""
    walks: Walks = Walks()
    """The searches."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out)
