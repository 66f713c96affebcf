"""What a run will cost, estimated before it starts: tokens, memory, time, disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from aha.chat import render
from aha.models.folder import resolve
from aha.pipeline.check import check
from aha.pipeline.recipe import Collect, Rl, Zero
from aha.pipeline.recipe_r1 import R1, FineTune, Preferences
from aha.pipeline.training import engine_of
from aha.rollout.engine import TorchEngine
from aha.types import Sampling

PROMPT = render("Using the numbers 44, 19, 35, make 98.")
TYPICAL = 0.4
"""Share of the longest reply that replies of the embedded world have on average."""
EXAMPLE = 130
"""Tokens of an example of the embedded world, prompt included."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one stage is going to do, in tokens, at most."""

    name: str
    sampled: float
    trained: float


def estimate(settings: Zero | R1) -> list[str]:
    """Sentences on size, tokens, memory, time and disk. Speed is measured here and now, on a few random replies."""
    if isinstance(settings, R1):
        check(settings)
    engine = engine_of(resolve(settings.base), settings)
    speed = speed_of(engine)
    if isinstance(settings, Zero):
        plans = [rl_plan("zero", settings)]
        rl: list[Rl] = [settings]
    else:
        plans = list(plans_of(settings))
        rl = [stretch for stretch in (settings.zero, settings.dev2, settings.reasoning, settings.scenarios)]
    weights = sum(p.numel() for p in engine.model.parameters())
    lines = [f"model: {weights / 1e6:.1f} M weights from {resolve(settings.base)}"]
    lines += [line(plan, speed) for plan in plans]
    total = Plan("in all", sum(p.sampled for p in plans), sum(p.trained for p in plans))
    lines += [line(total, speed)] if len(plans) > 1 else []
    lines.append(_memory(engine, max(rl, key=lambda s: s.grpo.max_tokens), weights))
    kept = sum(stretch.keep for stretch in rl) * 14 * weights + 2 * weights * len(plans)
    lines.append(f"disk: about {(kept + 3 * total.sampled) / 2**20:.0f} MB for checkpoints, models and replies")
    return lines


def plans_of(s: R1) -> Iterator[Plan]:
    """What every stage of the whole recipe is going to do."""
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


def line(plan: Plan, speed: float) -> str:
    """A plan in words, at so many tokens a second."""
    # Training reads each token three times as dearly as sampling computes it, in large products: about the same time.
    minutes = (plan.sampled + plan.trained) / speed / 60
    return (
        f"{plan.name}: about {plan.sampled / 1e6:.2f} M tokens sampled and {plan.trained / 1e6:.2f} M trained, "
        f"{minutes:.1f} minutes at {speed:.0f} tokens a second"
    )


def speed_of(engine: TorchEngine) -> float:
    """Tokens sampled a second here and now."""
    began = time.perf_counter()
    engine.generate([PROMPT], Sampling(n=256, max_tokens=64))
    return engine.ledger.tokens / (time.perf_counter() - began)


def _memory(engine: TorchEngine, s: Rl, weights: int) -> str:
    c = engine.model.config
    positions = len(engine.chat.prompt_ids([PROMPT])[0]) + s.grpo.max_tokens
    rows = min(engine.slots_for(positions), s.grpo.problems * s.grpo.group)
    cache = 2 * c.num_hidden_layers * c.num_key_value_heads * c.head_dim * positions * engine.model.dtype.itemsize
    states = (
        16 * weights + s.grpo.micro_tokens * c.num_hidden_layers * (8 * c.hidden_size + 4 * c.intermediate_size) * 2
    )
    return f"memory: about {(rows * cache + states) / 2**20:.0f} MB for {rows} rows of keys and values, weights and gradients"
