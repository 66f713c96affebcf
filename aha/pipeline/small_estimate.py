"""What a recipe of a small budget will cost, estimated before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from aha.models.folder import resolve
from aha.pipeline.estimate import EXAMPLE, TYPICAL, Plan, line, memory_lines, speed_here
from aha.pipeline.recipe_process import Process
from aha.pipeline.recipe_small import Journey, SkyT1

STEPS = 5
"""Steps of a reply, roughly; completions begin halfway on average."""


def estimate(s: SkyT1 | Journey | Process) -> list[str]:
    """Sentences on tokens, time and memory. Speed is measured here and now, where the model has weights that fit.

    Raises ModelError for a model that is missing.
    """
    if isinstance(s, SkyT1):
        resolve(s.teacher)
    folder = resolve(s.policy if isinstance(s, Process) else s.base)
    taught = {"process": s.model} if isinstance(s, Process) else {"sft": s.sft}
    taking = memory_lines(resolve(s.base) if s.base else folder, taught, s)
    speed, why = speed_here(folder, s)
    plans = list(_process(s) if isinstance(s, Process) else _plans(s))
    whole = Plan("in all", sum(p.sampled for p in plans), sum(p.trained for p in plans))
    return [*(line(plan, speed) for plan in (*plans, whole)), *([why] if why else []), *taking]


def _process(s: Process) -> Iterator[Plan]:
    if not s.file:
        replies = (s.replies.problems + s.replies.held_out) * s.replies.samples * TYPICAL * s.replies.max_tokens
        yield Plan("replies", replies, 0)
        if s.labels in ("soft", "hard"):
            yield Plan("completions of their steps", s.completions * STEPS / 2 * replies, 0)
        yield Plan("process", 0, s.model.epochs * replies)


def _plans(s: SkyT1 | Journey) -> Iterator[Plan]:
    if isinstance(s, SkyT1):
        yield Plan("samples", s.samples.problems * s.samples.samples * TYPICAL * s.samples.max_tokens, 0)
    names = [f"student-{size}" for size in sorted(set(s.sizes))] if isinstance(s, SkyT1) else ["shortcut", "journey"]
    examples = max(s.sizes) if isinstance(s, SkyT1) else s.walks.problems
    for name in names:
        yield Plan(name, 0, s.sft.epochs * examples * EXAMPLE)
    models = len(names) + (2 if isinstance(s, SkyT1) else 1)
    replies = models * s.exam.questions * s.exam.samples
    yield Plan(f"exams of {models} models", replies * TYPICAL * s.exam.max_tokens, 0)
