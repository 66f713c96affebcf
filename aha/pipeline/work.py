"""What each kind of stage does: reinforcement, collecting data, fine-tuning, reward models, measuring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aha.config import Settings
from aha.models.folder import save_model
from aha.models.transformer import Transformer
from aha.pipeline import card, world
from aha.pipeline.collect import collect, read_examples
from aha.pipeline.filters import known_runs
from aha.pipeline.fine_tuning import fine_tuned
from aha.pipeline.recipe import Rl
from aha.pipeline.recipe_r1 import R1, FineTune, Table
from aha.pipeline.refine import by_rule
from aha.pipeline.rl import reinforce
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.table import examine
from aha.pipeline.training import engine_of
from aha.runlog import RunLog
from aha.tables import read_jsonl
from aha.tasks.base import Task

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
        with RunLog.open(folder, _toml(told), keep=settings.keep) as log:
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


def cold_start(run: Runner, s: R1, zero: Stage) -> Stage:
    """Cold start (A): what R1-Zero gets right and says readably, refined."""
    task = world.reasoning(s.world)

    def work(folder: Path) -> dict[str, Any]:
        engine = engine_of(zero.model, run.machine)
        told = collect(
            folder, engine, task, s.cold, run.machine.seed + 1, source=zero.name, refine=by_rule,
            known=_evaluated(s.table), say=run.screen.note,
        )  # fmt: skip
        return told | {
            "headline": f"{told['kept']} of {told['in']} replies kept", "weights": weights_of(engine.model),
        }  # fmt: skip

    return run.stage("cold", {"collect": s.cold, "world": s.world, "table": s.table}, {"zero": zero}, DATA, work)


def rejection_sampling(run: Runner, s: R1, model: Stage) -> Stage:
    """Rejection sampling (E1): the model's own right and readable replies."""
    task = world.reasoning(s.world)

    def work(folder: Path) -> dict[str, Any]:
        engine = engine_of(model.model, run.machine)
        told = collect(
            folder, engine, task, s.traces, run.machine.seed + 2, source=model.name, known=_evaluated(s.table),
            say=run.screen.note,
        )  # fmt: skip
        return told | {
            "headline": f"{told['kept']} of {told['in']} replies kept", "weights": weights_of(engine.model),
        }  # fmt: skip

    return run.stage("traces", {"collect": s.traces, "world": s.world, "table": s.table}, {"model": model}, DATA, work)


def second_data(run: Runner, s: R1, traces: Stage) -> Stage:
    """The second data set (E2): reasoning traces and data of other kinds, with its card."""

    def work(folder: Path) -> dict[str, Any]:
        return card.joined(folder, traces.data, s.general, run.machine.seed, _evaluated(s.table))

    return run.stage("data", {"general": s.general, "table": s.table}, {"traces": traces}, DATA, work)


def fine_tune(run: Runner, name: str, settings: FineTune, base: Stage, data: Stage) -> Stage:
    """Supervised fine-tuning of a base on a data set."""
    told: dict[str, Setting] = {"sft": settings}

    def work(folder: Path) -> dict[str, Any]:
        examples = read_examples(data.data)
        with RunLog.open(folder, _toml(told), keep=1) as log:
            training = fine_tuned(log, base.model, examples, settings, run.machine, run.screen)
            save_model(training.policy, training.chat, folder / "model")
        steps = read_jsonl(folder / "metrics.jsonl")
        return {
            "headline": f"{len(examples)} examples, loss {steps[0]['loss']:.2f} -> {steps[-1]['loss']:.2f}",
            "seconds": sum(row["seconds/step"] for row in steps),
            "trained_tokens": sum(row["trained_tokens"] for row in steps),
            "weights": weights_of(training.policy),
        }

    return run.stage(name, told, {"base": base, "data": data}, MODEL, work)


def measure(run: Runner, settings: Table, model: Stage) -> Stage:
    """One row of the stage table: a model on every evaluation."""

    def work(folder: Path) -> dict[str, Any]:
        engine = engine_of(model.model, run.machine)
        return examine(folder, engine, settings, run.screen.note) | {"weights": weights_of(engine.model)}

    return run.stage(f"exam-{model.name}", {"table": settings}, {"model": model}, ("results.json",), work)


def weights_of(model: Transformer) -> int:
    """How many weights a model has."""
    return sum(weight.numel() for weight in model.parameters())


def _evaluated(settings: Table) -> set[tuple[str, ...]]:
    """What the evaluations ask, which no training data may."""
    return known_runs([problem.prompt for exam in world.exams(settings.questions) for problem in exam.problems])


def _toml(told: Mapping[str, Setting]) -> str:
    """Settings as the run folder of a stage keeps them."""
    from aha.config import dump

    sections = [f"[{name}]\n{dump(value)}" for name, value in told.items() if isinstance(value, Settings)]
    plain = [f"{name} = {value!r}" for name, value in told.items() if not isinstance(value, Settings)]
    return "\n".join([*plain, *sections])
