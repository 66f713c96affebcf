"""What a recipe of the whole paper may say: every stage from the base to R1 and its students."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from aha.config import Folder, Settings
from aha.pipeline.recipe import Collect, Machine, Rl
from aha.pipeline.world import World
from aha.train.reward_model import RewardModel
from aha.train.sft import Sft


class FineTune(Sft):
    """A stage of supervised fine-tuning."""

    save_every: int = Field(50, ge=1)
    """Steps between checkpoints."""


class Student(FineTune):
    """How students are trained."""

    logits: float = Field(0.0, ge=0, le=1)
    """Share of R1's own distributions in the loss (Hinton's distillation, 1503.02531; one tokenizer only). At 0, as in
    the paper, students learn the words alone."""


class Served(Settings):
    """A model behind a URL that speaks OpenAI's protocol."""

    url: str
    """Where it is, up to /v1."""
    model: str
    """What the server calls it."""
    key_variable: str = ""
    """The environment variable that holds its key."""
    max_tokens: int = Field(2048, ge=1)
    """Longest reply."""


class General(Settings):
    """Data without a rule that grades it: facts, writing, self-knowledge, translation, refusals."""

    ratio: float = Field(3.0, gt=0)
    """Reasoning examples for each general one: the paper's 600 to 200 thousand."""


class Preferences(RewardModel):
    """A reward model of the last stage."""

    pairs: int = Field(2000, ge=1)
    """Pairs, or labelled replies, to train on."""
    held_out: int = Field(400, ge=1)
    """Others to measure it on."""
    save_every: int = Field(50, ge=1)
    """Steps between checkpoints."""


class Table(Settings):
    """How every model is measured for the stage table: the paper's protocol, smaller."""

    questions: int = Field(100, ge=1)
    """Questions of each evaluation, at most."""
    samples: int = Field(4, ge=1)
    """Replies to each."""
    max_tokens: int = Field(400, ge=1)
    """Longest reply."""
    temperature: float = Field(0.6, ge=0)
    """Sampling temperature."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Share of the distribution that is sampled from."""


class R1(Machine):
    """R1-Zero, R1 and R1-Distill, stage by stage (arXiv 2501.12948; the Nature paper's figure 2)."""

    recipe: Literal["r1"] = "r1"
    base: str = "tiny"
    """The base model: `tiny` is the one that comes with aha, anything else a model folder."""
    out: Folder = "runs/r1"
    """The run folder. The same command continues what it holds."""
    world: World = World()
    """The tasks."""
    language: float = Field(0.3, ge=0)
    """Weight of the language-consistency reward from the third stage on; 0 is the ablation."""
    zero: Rl = Rl()
    """R1-Zero: reinforcement on the base."""
    cold: Collect = Collect()
    """Cold start (A): what of R1-Zero's replies is right and readable."""
    refiner: Served | None = None
    """Rewrites what is kept so that it reads well; none leaves it to the embedded world's rules."""
    dev1: FineTune = FineTune()
    """Fine-tuning the base on it (B)."""
    dev2: Rl = Rl()
    """Reasoning-oriented reinforcement with the language reward (C, D)."""
    traces: Collect = Collect()
    """Rejection sampling (E1)."""
    judge: Served | None = None
    """Compares replies to general prompts with references, where no rule can; with none, only prompts that a rule
    grades are sampled."""
    general: General = General()
    """Data of other kinds (E2)."""
    dev3: FineTune = FineTune()
    """Fine-tuning the base on both (F)."""
    helpful: Preferences = Preferences()
    """The reward model of helpfulness."""
    safe: Preferences = Preferences()
    """The reward model of harmlessness."""
    reasoning: Rl = Rl()
    """The last reinforcement's first part (G): rules and language."""
    scenarios: Rl = Rl()
    """Its last part: preferences as well."""
    preference: float = Field(1.0, ge=0)
    """Weight of the learned rewards."""
    open_share: float = Field(0.5, gt=0, lt=1)
    """Share of general prompts in the last part."""
    students: list[str] = ["mini-llama", "mini-qwen", "half"]
    """Base models that learn from the same data (R1-Distill)."""
    distill: Student = Student()
    """How they learn."""
    table: Table = Table()
    """How every model is measured."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out)
