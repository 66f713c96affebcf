"""What a run will cost, estimated before it starts: tokens, memory, time, disk."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aha.chat import Chat, render
from aha.models import memory
from aha.models.folder import read_config, resolve
from aha.models.memory import gigabytes
from aha.models.precision import DTYPES
from aha.pipeline.check import check_settings, same_vocabulary
from aha.pipeline.recipe import Collect, Machine, Rl, Zero
from aha.pipeline.recipe_process import Process
from aha.pipeline.recipe_r1 import R1, FineTune, Preferences
from aha.pipeline.recipe_small import Journey, SkyT1
from aha.pipeline.recipe_tune import Tune
from aha.pipeline.training import engine_of, set_threads
from aha.pipeline.tune_work import Questions
from aha.rollout.engine import TorchEngine
from aha.tasks.data import Data
from aha.train.reward_model import RewardModel
from aha.train.sft import Sft
from aha.types import Sampling

Taught = Sft | RewardModel | Rl
"""What says how a model is trained."""

PROMPT = render("Using the numbers 44, 19, 35, make 98.")
TYPICAL = 0.4
"""Share of the longest reply that replies of the embedded world have on average."""
EXAMPLE = 130
"""Tokens of an example of the embedded world, prompt included."""
TRIED = 256, 64
"""Replies, and tokens of each, by which speed is measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one stage is going to do, in tokens, at most."""

    name: str
    sampled: float
    trained: float


def estimate(settings: Zero | R1 | Tune) -> list[str]:
    """Sentences on size, tokens, memory, time and disk. Speed is measured here and now, on a few random replies.

    A folder with no more than config.json and a tokenizer is enough, and a model too large for this machine: then speed
    is not measured. Raises ModelError and ConfigError for what could not be run anywhere.
    """
    if isinstance(settings, R1):
        check_settings(settings)
    folder = resolve(settings.base)
    same_vocabulary(folder)
    plans, rl = list(plans_of(settings)), reinforced(settings)
    whole = Plan("in all", sum(p.sampled for p in plans), sum(p.trained for p in plans))
    taking = memory_lines(folder, {**fine_tuned(settings), **rl}, settings)
    speed, why = speed_here(folder, settings)  # which itself takes memory, so afterwards
    weights = memory.weights(read_config(folder))
    lines = [f"model: {weights / 1e6:.1f} M weights from {folder}"]
    lines += [line(plan, speed) for plan in ([*plans, whole] if len(plans) > 1 else plans)]
    lines += [why] if why else []
    lines += taking
    kept = sum(s.keep * (2 if s.grpo.lora else 14) for s in rl.values()) * weights + 2 * weights * len(plans)
    lines.append(f"disk: about {(kept + 3 * whole.sampled) / 2**20:.0f} MB for checkpoints, models and replies")
    return lines


def data_lines(s: Zero | R1 | Tune | SkyT1 | Journey | Process) -> list[str]:
    """What there is to learn from, read as the run itself would read it. Raises DataError."""
    match s:
        case R1():
            return []  # all that it learns is generated, or made by its stages
        case Tune():
            return Questions(s).loaded.notes
        case Zero(data=Data() as data):
            return data.load().notes
    s.task.task()
    return []


def reinforced(s: Zero | R1 | Tune) -> dict[str, Rl]:
    """The stretches of reinforcement, by the stage they are."""
    if isinstance(s, Zero):
        return {"zero": s}
    if isinstance(s, Tune):
        return {"rl": s.rl}
    return {"zero": s.zero, "dev2": s.dev2, "rules": s.reasoning, "r1": s.scenarios}


def fine_tuned(s: Zero | R1 | Tune) -> dict[str, Sft]:
    """The fine-tunings of the base, by the stage they are."""
    if isinstance(s, Zero):
        return {}
    return {"sft": s.sft} if isinstance(s, Tune) else {"dev1": s.dev1, "dev3": s.dev3}


def memory_lines(folder: Path, stages: Mapping[str, Taught], machine: Machine) -> list[str]:
    """A sentence on the memory of each kind of stage that takes most of it, and on what is free here."""
    there, free = memory.memory_here()
    found = dict[str, tuple[int, str]]()
    for name, s in stages.items():
        needed, said = stage_memory(folder, name, s, machine, free)
        kind = "RL" if isinstance(s, Rl) else "SFT"
        found[kind] = max(found.get(kind, (0, "")), (needed, f"memory of {kind}: {said}"))
    return [
        *(said for _, said in found.values()),
        f"memory here: {gigabytes(there)}, of which {gigabytes(free)} are free",
    ]


def stage_memory(folder: Path, name: str, s: Taught, machine: Machine, free: int) -> tuple[int, str]:
    """Bytes that a stage takes, the program included, and the same in words: how, and whether that much is free."""
    config, dtype, threads = read_config(folder), DTYPES[machine.dtype], machine.threads or None
    settings = s.grpo if isinstance(s, Rl) else s
    lora = 0 if isinstance(settings, RewardModel) else settings.lora

    def needed(recompute: bool) -> int:
        if not isinstance(s, Rl):
            held = memory.parts(config, s.micro_tokens, dtype, lora, recompute, threads=threads).total
        else:
            g, prompt = s.grpo, len(Chat.load(folder).prompt_ids([PROMPT])[0])
            held = memory.reinforcing(
                config, g.micro_tokens, g.problems * g.group, prompt + g.max_tokens, dtype, lora, recompute, bool(g.kl), threads
            )  # fmt: skip
        return memory.PROGRAM + held

    plain, again = needed(False), needed(True)
    how = f"adapters of rank {lora}, " if lora else ""
    said = f"about {gigabytes(plain)} ({name}: {how}micro-batches of {settings.micro_tokens} tokens, {machine.dtype})"
    if plain <= free:
        return plain, said
    said += f"; about {gigabytes(again)} where layers are computed again" if again < plain else ""
    return plain, said + ("" if again <= free else "; more than is free here")


def speed_here(folder: Path, machine: Machine) -> tuple[float | None, str]:
    """Tokens sampled a second here and now; or none, and why."""
    set_threads(machine)
    if not any(folder.glob("*.safetensors")):
        return None, f"speed was not measured: {folder} has no weights"
    needed = memory.PROGRAM + memory.sampling(read_config(folder), TRIED[0], 64 + TRIED[1], DTYPES[machine.dtype])
    if needed > (free := memory.available()):
        return None, f"speed was not measured: sampling takes about {gigabytes(needed)} and {gigabytes(free)} are free"
    return speed_of(engine_of(folder, machine)), ""


def plans_of(s: Zero | R1 | Tune) -> Iterator[Plan]:
    """What every stage of a recipe is going to do."""
    if isinstance(s, R1):
        yield from _whole(s)
    elif isinstance(s, Zero):
        yield rl_plan("zero", s)
    else:
        yield Plan("taught", 0, s.sft.epochs * s.traces.count * TYPICAL * s.sft.max_tokens)
        yield rl_plan("tuned", s.rl)
        replies = 3 * len(s.exams.data) * s.exams.questions * s.exams.samples
        yield Plan("exams of 3 models", replies * TYPICAL * s.exams.max_tokens, 0)


def _whole(s: R1) -> Iterator[Plan]:
    yield rl_plan("zero", s.zero)
    yield Plan("cold", _asked(s.cold), 0)
    yield sft_plan("dev1", s.dev1, s.cold.problems * s.cold.keep)
    yield rl_plan("dev2", s.dev2)
    yield Plan("traces", _asked(s.traces), 0)
    examples = s.traces.problems * s.traces.keep * (1 + 1 / s.general.ratio)
    yield sft_plan("dev3", s.dev3, examples)
    for name, model in (("helpful", s.helpful), ("safe", s.safe)):
        yield Plan(name, 0, _pairs(model))
    yield rl_plan("rules", s.reasoning)
    yield rl_plan("r1", s.scenarios)
    for student in s.students:
        yield sft_plan(f"distill-{student}", s.distill, examples)
    models = 6 + 2 * len(s.students)
    yield Plan(f"exams of {models} models", models * 11 * s.table.questions * s.table.samples * TYPICAL * 200, 0)


def rl_plan(name: str, s: Rl) -> Plan:
    """What a stretch of reinforcement is going to do."""
    learnt = s.steps * s.grpo.problems * s.grpo.group
    e = s.evaluate
    asked = 2 * e.final_questions * e.final_samples + s.steps // e.every * e.questions * e.samples
    length = TYPICAL * s.grpo.max_tokens
    return Plan(name, (learnt + asked) * length, learnt * length)


def _asked(s: Collect) -> float:
    return s.problems * s.samples * TYPICAL * s.max_tokens


def sft_plan(name: str, s: FineTune, examples: float) -> Plan:
    """What a fine-tuning on so many examples is going to do."""
    return Plan(name, 0, s.epochs * examples * EXAMPLE)


def _pairs(s: Preferences) -> float:
    return 2 * s.epochs * s.pairs * EXAMPLE / 2


def line(plan: Plan, speed: float | None) -> str:
    """A plan in words, at so many tokens a second if that is known."""
    said = f"{plan.name}: about {plan.sampled / 1e6:.2f} M tokens sampled and {plan.trained / 1e6:.2f} M trained"
    if speed is None:
        return said
    # Training reads each token three times as dearly as sampling computes it, in large products: about the same time.
    minutes = (plan.sampled + plan.trained) / speed / 60
    return f"{said}, {minutes:.1f} minutes at {speed:.0f} tokens a second"


def speed_of(engine: TorchEngine) -> float:
    """Tokens sampled a second here and now."""
    began = time.perf_counter()
    engine.generate([PROMPT], Sampling(n=TRIED[0], max_tokens=TRIED[1]))
    return engine.ledger.tokens / (time.perf_counter() - began)
