"""What the recipe for a model and data of one's own may say: learn from traces, then reinforce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from aha.config import Folder, Settings
from aha.pipeline.recipe import Machine, Rl
from aha.pipeline.recipe_r1 import FineTune
from aha.pipeline.recipe_small import Exam, Walks
from aha.tasks.data import Data


class Traces(Settings):
    """Worked replies, which the base learns before it is reinforced."""

    file: str = ""
    """A file of records with a prompt (the bare question) and a reply in the template. Without it the worked solutions
    that come with the data; of puzzles, searches."""
    count: int = Field(8000, ge=1)
    """How many are learnt, at most."""
    walks: Walks = Walks()
    """How the puzzles' search trees are walked; `problems` of it is not used."""


class Exams(Exam):
    """How every model is measured, on questions that none was trained on."""

    data: Annotated[list[str], Field(min_length=1)] = ["svamp", "multiarith"]
    """Data sets, by a short name, a name on the hub or a file; their test sides are asked, `questions` of each."""


class Tune(Machine):
    """A model of one's own: fine-tuning on traces, then GRPO, each step of the way measured."""

    recipe: Literal["tune"] = "tune"
    base: str = "smollm2"
    """The model to begin with: smollm2, a model folder, or a name on the hub that was downloaded."""
    out: Folder = "runs/tune"
    """The run folder. The same command continues what it holds."""
    data: Data
    """Questions to learn from and to reinforce on."""
    traces: Traces = Traces()
    """What is learnt first."""
    sft: FineTune = FineTune()
    """How it is learnt."""
    rl: Rl = Rl()
    """Reinforcement on the same questions."""
    exams: Exams = Exams()
    """How every model is measured."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out)
