"""What the models of a run of stages wrote and were told: replies to the same prompts, settings, and where it ran."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aha.pipeline import account
from aha.pipeline.whole import Whole
from aha.report.blocks import Block, Fold, Listing, Replies, Reply, Table, Text
from aha.report.replies import asked_above, question


def prompts(run: Whole) -> list[Block]:
    """First replies to the same prompts: base beside trained, then the stages between, then the students."""
    found = account.same_prompts(run)
    if not found:
        return [] if run.holding("measured") else [Text("No replies were kept.")]
    wanted, others = list(run.recipe_exams), [name for name in run.exams if name not in run.recipe_exams]
    ends = [*wanted[:1], *wanted[1:][-1:]]
    shown: list[Block] = [Text("Each reply is the first of its model; none was chosen.", "soft")]
    for i, (exam, prompt, said) in enumerate(found):
        between = _replies([name for name in wanted if name not in ends], said)
        learners = _replies(others, said)
        blocks: list[Block] = [*_replies(ends, said)]
        blocks += [Fold("The stages between", between, opened=i == 0)] if between else []
        blocks += [Fold("Students", learners)] if learners else []
        shown.append(asked_above(f"{exam}: {question(prompt)}", exam, blocks, opened=i == 0))
    return shown


def _replies(names: Sequence[str], said: dict[str, str]) -> list[Block]:
    shown = [Reply(name, said[name]) for name in names if name in said]
    return [Replies(shown)] if shown else []


def settings(run: Whole) -> list[Block]:
    """What each stage was told."""
    shown: list[Block] = []
    for stage in run.stages:
        told = stage.record.get("settings")
        if isinstance(told, dict) and told and "results" not in stage.record:
            lines = [f"{key} = {json.dumps(found, ensure_ascii=False)}" for key, found in told.items()]
            shown.append(Fold(stage.name, [Listing("\n".join(lines), 20_000)]))
    return shown


def environment(run: Whole) -> list[Block]:
    """Where it ran, and the command that repeats it."""
    told = account.origin(run)
    command = told.pop("command", "")
    if not told:
        return [Text("No environment was recorded.")]
    again: list[Block] = [Text("To run it again:"), Listing(command)] if command else []
    return [*again, Table("The run", ["key", "value"], [[key, found] for key, found in told.items()])]
