"""What a recipe of the claims may say: the whole recipe, the seeds it is run with, and the arms beside it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from aha.config import Folder, Settings
from aha.pipeline.recipe import Rl
from aha.pipeline.recipe_r1 import R1, FineTune, Table
from aha.pipeline.recipe_small import Walks


class Guesses(Settings):
    """How the base that only guesses is made."""

    examples: int = Field(2000, ge=1)
    """Puzzles with an immediate guess for a reply."""
    sft: FineTune = FineTune()
    """How the base learns them."""


class Curated(Settings):
    """The small part of the second data set, and how the base learns it."""

    share: float = Field(0.1, gt=0, le=1)
    """Share of each domain that is kept."""
    sft: FineTune = FineTune(epochs=15)
    """Few examples are read often: LIMO reads its 800 for 15 epochs."""


class Search(Settings):
    """Journey against shortcut."""

    walks: Walks = Walks()
    """The searches that both are told of."""
    sft: FineTune = FineTune()
    """How the base learns journeys; shortcuts are read until they cost as many tokens."""


class Claims(R1):
    """The paper's claims, each as an experiment over several seeds."""

    recipe: Literal["claims"] = "claims"  # type: ignore[assignment]  # a file says which of the two it is
    out: Folder = "runs/claims"
    """The run folder, with a folder for each seed. The same command continues what it holds."""
    seeds: list[int] = Field([0, 1, 2], min_length=1)
    """The whole recipe and every arm is run with each of these."""
    students: list[str] = ["mini-llama"]
    """Base models that learn from the same data (R1-Distill)."""
    student: str = "mini-llama"
    """The one of them that is compared with reinforcement."""
    student_rl: Rl = Rl()
    """Reinforcement on the student, before and after distillation."""
    guesses: Guesses = Guesses()
    """A base without the behaviours."""
    curated: Curated = Curated()
    """Less data."""
    search: Search = Search()
    """Learning from whole searches."""
    tries: Table = Table(samples=64)
    """Three-number Countdown with many replies: pass@1, votes and pass@n."""
    shots: Table = Table(samples=8)
    """Three-number Countdown after 0, 1 and 3 solved examples."""

    @model_validator(mode="after")
    def _fits(self) -> Claims:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds names one twice; every seed is one experiment")
        if self.seed:
            raise ValueError("say seeds=[...] instead of seed")
        if self.student not in self.students:
            raise ValueError(f"student is {self.student!r}, which is not among students")
        return self

    def with_seed(self, seed: int) -> Claims:
        """The recipe of one seed, in its own folder."""
        return self.model_copy(update={"seed": seed, "out": str(self.folder / f"seed-{seed}")})
