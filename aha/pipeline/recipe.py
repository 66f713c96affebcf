"""What a recipe file may say. Every field's description is its help; recipes/*.toml hold values only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aha.config import Folder, Settings
from aha.tasks.base import Task
from aha.tasks.countdown import RUBRICS, countdown
from aha.tasks.data import Data
from aha.train.health import HealthSettings
from aha.train.settings import Grpo
from aha.types import Precision


class Countdown(Settings):
    """Which puzzles: generated ones, or those of files."""

    numbers: list[int] = [3]
    """How many numbers a puzzle has; drawn evenly from this list."""
    by: Literal["target", "expression"] = "target"
    """Puzzles drawn evenly over targets, as TinyZero's are, or over expressions."""
    largest: int = Field(99, ge=2)
    """The largest number."""
    train: str | None = None
    """A Parquet, JSONL or CSV file of rows to train on, with columns nums and target; none generates them."""
    test: str | None = None
    """A file of rows to test on; none takes generated puzzles that training never sees."""
    test_count: int = Field(1000, ge=1)
    """At most this many test puzzles."""
    reward: Literal["graded", "binary", "tiered"] = "graded"
    """graded: 1 for a right answer and 0.1 for the format; binary: 1 or 0; tiered: TinyZero's 1, 0.1 or 0."""

    def task(self) -> Task:
        """The task these settings describe. Raises DataError for a file that cannot be used."""
        return countdown(
            self.numbers, self.by, largest=self.largest, train=self.train, test=self.test,
            test_count=self.test_count, rubric=RUBRICS[self.reward](),
        )  # fmt: skip


class Evaluate(Settings):
    """How progress is measured on problems that are never trained on."""

    every: int = Field(10, ge=1)
    """Steps between evaluations while training."""
    questions: int = Field(100, ge=1)
    """Test questions asked each time while training."""
    samples: int = Field(4, ge=1)
    """Replies to each of them."""
    final_questions: int = Field(400, ge=1)
    """Test questions asked before the first step and after the last."""
    final_samples: int = Field(16, ge=1)
    """Replies to each of them, which also vote."""
    temperature: float = Field(1.0, ge=0)
    """Sampling temperature of evaluations."""


class Rl(Settings):
    """A stretch of reinforcement."""

    steps: int = Field(60, ge=0)
    """Rollouts, each followed by learning. A run may be continued with more."""
    save_every: int = Field(10, ge=1)
    """Steps between checkpoints."""
    keep: int = Field(2, ge=1)
    """Checkpoints kept."""
    engine: Literal["torch", "vllm"] = "torch"
    """What samples: aha's decoder, which shares the trainer's weights, or vLLM, which is given them after every step."""
    grpo: Grpo = Grpo()
    evaluate: Evaluate = Evaluate()
    health: HealthSettings = HealthSettings()


class Collect(Settings):
    """Sampling a model for data."""

    problems: int = Field(512, ge=1)
    """Training problems asked."""
    samples: int = Field(8, ge=1)
    """Replies to each."""
    keep: int = Field(2, ge=1)
    """Most replies kept of one problem."""
    max_tokens: int = Field(320, ge=1)
    """Longest reply."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Share of the distribution that is sampled from."""
    thinking: bool = True
    """Leave out replies that do not think."""
    readable: bool = True
    """Leave out replies that mix languages or repeat themselves."""


def _fastest() -> Precision:
    from aha.models.precision import fastest  # it loads torch, which whoever only reads settings does without

    return fastest()


class Machine(Settings):
    """What a whole run shares: seed and arithmetic."""

    seed: int = 0
    """Seed of problems and replies."""
    dtype: Precision = Field(default_factory=_fastest)
    """Arithmetic of sampling and learning; if not set, what the processor is faster in. Masters are kept in fp32."""
    threads: int = Field(0, ge=0)
    """CPU threads; 0 takes all cores."""
    unprotected: bool = False
    """Run programs that the model wrote without a jail where no jail works. They can read and delete your files."""


class Zero(Rl, Machine):
    """R1-Zero: reinforcement on a base model, nothing else."""

    recipe: Literal["zero"] = "zero"
    base: str = "tiny"
    """The base model: `tiny` is the one that comes with aha, anything else a model folder."""
    out: Folder = "runs/zero"
    """The run folder. The same command continues what it holds."""
    task: Countdown = Countdown()
    """Which puzzles to train on, where no data are given."""
    data: Data | None = None
    """Questions to train on instead."""
