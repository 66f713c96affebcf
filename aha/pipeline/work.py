"""What each kind of stage does: reinforcement, collecting data, fine-tuning, reward models, measuring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from aha.chat import Chat, parse_reply
from aha.config import Settings
from aha.models.folder import resolve, save_model
from aha.models.transformer import Transformer
from aha.pipeline import card, world
from aha.pipeline.collect import collect, read_examples
from aha.pipeline.filters import known_runs
from aha.pipeline.fine_tuning import Steps, Train, fine_tuned
from aha.pipeline.recipe import Rl
from aha.pipeline.recipe_r1 import R1, FineTune, Served, Table
from aha.pipeline.refine import Refine, by_engine, by_rule
from aha.pipeline.rl import reinforce
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.table import examine
from aha.pipeline.training import engine_of
from aha.rewards.format import formatted
from aha.rewards.judge import Judge, correctness
from aha.rewards.rubric import Rubric
from aha.rollout.http_engine import HttpEngine
from aha.runlog import RunLog
from aha.tables import read_jsonl
from aha.tasks.base import Task
from aha.tasks.general import general
from aha.train import sft
from aha.train.distill import Distill
from aha.train.distill import train as imitate
from aha.train.sft import Sft
from aha.types import Engine, Example, Problem

MODEL, DATA = ("model",), ("data.jsonl",)
"""What a stage of either kind hands on."""


def zero(run: Runner, s: R1, base: Stage) -> Stage:
    """R1-Zero: reinforcement on the base, by rules alone."""
    told: dict[str, Setting] = {"rl": s.zero, "world": s.world}
    return reinforced(run, "zero", told, lambda: world.reasoning(s.world), s.zero, {"base": base})


def reasoning_rl(run: Runner, name: str, settings: Rl, s: R1, start: Stage) -> Stage:
    """Reinforcement by rules, with the language-consistency reward."""
    told: dict[str, Setting] = {"rl": settings, "world": s.world, "language": s.language}

    def task() -> Task:
        return world.in_one_language(world.reasoning(s.world), s.language)

    return reinforced(run, name, told, task, settings, {"base": start})


def reinforced(
    run: Runner, name: str, told: Mapping[str, Setting], task: Callable[[], Task], settings: Rl,
    inputs: Mapping[str, Stage],
) -> Stage:  # fmt: skip
    """A stage of reinforcement on `task`, which is made when it is needed, from the model of the input "base"."""

    def work(folder: Path) -> dict[str, Any]:
        with RunLog.open(folder, toml_of(told), keep=settings.keep) as log:
            training = reinforce(log, inputs["base"].model, task(), settings, run.machine, run.screen)
            save_model(training.policy, training.chat, folder / "model")
        return _learnt(folder) | {"weights": weights_of(training.policy)}

    return run.stage(name, told, inputs, MODEL, work)


def _learnt(folder: Path) -> dict[str, Any]:
    """What to say of a stretch of reinforcement."""
    steps, evals = read_jsonl(folder / "metrics.jsonl"), read_jsonl(folder / "evals.jsonl")
    first, last = evals[0], evals[-1]
    return {
        "headline": (
            f"test pass@1 {first['pass@1']:.1%} -> {last['pass@1']:.1%} in {len(steps)} steps, "
            f"length {first['length_mean']:.0f} -> {last['length_mean']:.0f}"
        ),
        "seconds": sum(row["seconds/step"] for row in steps) + sum(row["seconds"] for row in evals),
        "sampled_tokens": sum(row["sampled_tokens"] for row in steps),
        "trained_tokens": sum(row["trained_tokens"] for row in steps),
    }


def refining(s: R1) -> Refine:
    """Who rewrites replies."""
    if s.refiner is None:
        return by_rule
    return by_engine(served(s.refiner), str, s.refiner.max_tokens)


def served(model: Served) -> Engine:
    """The model behind a URL."""
    return HttpEngine(model.url, model.model, model.key_variable, chat=True)


def cold_start(run: Runner, s: R1, zero: Stage) -> Stage:
    """Cold start (A): what R1-Zero gets right and says readably, refined."""
    task = world.reasoning(s.world)

    def work(folder: Path) -> dict[str, Any]:
        engine = engine_of(zero.model, run.machine)
        told = collect(
            folder, engine, task, s.cold, run.machine.seed + 1, source=zero.name, refine=refining(s),
            known=_evaluated(s.table), say=run.screen.note,
        )  # fmt: skip
        return told | {
            "headline": f"{told['kept']} of {told['in']} replies kept", "weights": weights_of(engine.model),
        }  # fmt: skip

    asked: dict[str, Setting] = {"collect": s.cold, "world": s.world, "table": s.table}
    return run.stage("cold", asked | ({"refiner": s.refiner} if s.refiner else {}), {"zero": zero}, DATA, work)


def rejection_sampling(run: Runner, s: R1, model: Stage) -> Stage:
    """Rejection sampling (E1): the model's own right and readable replies; a judge says so where no rule can."""
    task = judged(s, s.judge) if s.judge else world.reasoning(s.world)

    def work(folder: Path) -> dict[str, Any]:
        engine = engine_of(model.model, run.machine)
        told = collect(
            folder, engine, task, s.traces, run.machine.seed + 2, source=model.name, known=_evaluated(s.table),
            say=run.screen.note,
        )  # fmt: skip
        return told | {
            "headline": f"{told['kept']} of {told['in']} replies kept", "weights": weights_of(engine.model),
        }  # fmt: skip

    asked: dict[str, Setting] = {"collect": s.traces, "world": s.world, "table": s.table}
    return run.stage("traces", asked | ({"judge": s.judge} if s.judge else {}), {"model": model}, DATA, work)


def judged(s: R1, model: Served) -> Task:
    """The reasoning tasks and general prompts, whose replies a judge compares with a reference (section 2.3.3)."""
    judge = Judge(served(model), str, model.max_tokens)
    rubric = Rubric((1.0, correctness(judge, summary_of)), (0.1, formatted))
    return world.with_general(s.world, s.open_share, replace(general(), rubric=rubric))


def summary_of(problem: Problem) -> str:
    """The answer of the problem's own solution."""
    reply = parse_reply(problem.solution or "")
    return reply.answer if reply else problem.solution or ""


def second_data(run: Runner, s: R1, traces: Stage) -> Stage:
    """The second data set (E2): reasoning traces and data of other kinds, with its card."""

    def work(folder: Path) -> dict[str, Any]:
        chat = Chat.load(resolve(s.base))
        return card.joined(folder, traces.data, s.general, run.machine.seed, _evaluated(s.table), chat)

    return run.stage("data", {"general": s.general, "table": s.table}, {"traces": traces}, DATA, work)


def fine_tune(
    run: Runner, name: str, settings: FineTune, base: Stage, data: Stage, others: Mapping[str, Stage] | None = None,
    train: Train = sft.train,
) -> Stage:  # fmt: skip
    """Supervised fine-tuning of a base on a data set."""
    told: dict[str, Setting] = {"sft": settings}

    def work(folder: Path) -> dict[str, Any]:
        examples = read_examples(data.data)
        with RunLog.open(folder, toml_of(told), keep=1) as log:
            training = fine_tuned(log, base.model, examples, settings, run.machine, run.screen, train)
            save_model(training.policy, training.chat, folder / "model")
        steps = read_jsonl(folder / "metrics.jsonl")
        return {
            "headline": f"{len(examples)} examples, loss {steps[0]['loss']:.2f} -> {steps[-1]['loss']:.2f}",
            "seconds": sum(row["seconds/step"] for row in steps),
            "trained_tokens": sum(row["trained_tokens"] for row in steps),
            "weights": weights_of(training.policy),
        }

    return run.stage(name, told, {"base": base, "data": data, **(others or {})}, MODEL, work)


def distill(run: Runner, s: R1, student: Stage, data: Stage, teacher: Stage) -> Stage:
    """R1-Distill: a student learns the teacher's replies, and its distributions over them where the recipe says so."""
    name = f"distill-{student.name}"
    if not s.distill.logits:
        return fine_tune(run, name, s.distill, student, data)
    source = engine_of(teacher.model, run.machine)

    def imitates(policy: Transformer, chat: Chat, examples: Sequence[Example], settings: Sft, *state: Any) -> Steps:
        told = {name: getattr(settings, name) for name in Sft.model_fields}
        as_told = Distill(**told, alpha=s.distill.logits)
        return imitate(policy, chat, source.model, source.chat, examples, as_told, *state)

    return fine_tune(run, name, s.distill, student, data, {"teacher": teacher}, imitates)


def measure(run: Runner, settings: Table, model: Stage) -> Stage:
    """One row of the stage table: a model on every evaluation."""

    def work(folder: Path) -> dict[str, Any]:
        engine = engine_of(model.model, run.machine)
        return examine(folder, engine, settings, run.screen.note) | {"weights": weights_of(engine.model)}

    return run.stage(f"exam-{model.name}", {"table": settings}, {"model": model}, ("results.json",), work)


def weights_of(model: nn.Module) -> int:
    """How many weights a model has."""
    return sum(weight.numel() for weight in model.parameters())


def _evaluated(settings: Table) -> set[tuple[str, ...]]:
    """What the evaluations ask, which no training data may."""
    return known_runs([problem.prompt for exam in world.exams(settings.questions) for problem in exam.problems])


def toml_of(told: Mapping[str, Setting]) -> str:
    """Settings as the run folder of a stage keeps them."""
    from aha.config import dump

    sections = [f"[{name}]\n{dump(value)}" for name, value in told.items() if isinstance(value, Settings)]
    plain = [f"{name} = {value!r}" for name, value in told.items() if not isinstance(value, Settings)]
    return "\n".join([*plain, *sections])
