"""A model and data of one's own, on one page: small models learn from traces first, and are reinforced then.

base --SFT on traces--> taught --GRPO on the same questions--> tuned          each measured on questions of other data
"""

from __future__ import annotations

from pathlib import Path

from aha.models.folder import resolve
from aha.pipeline import tune_work, work
from aha.pipeline.recipe_tune import Tune
from aha.pipeline.runner import Runner
from aha.pipeline.screen import Screen


def tune(s: Tune, screen: Screen) -> Path:
    """Teach and reinforce, or go on with it; returns the run folder."""
    questions = tune_work.Questions(s)
    with Runner(s.folder, s, screen) as run:
        base = run.given("base", resolve(s.base))

        traces = tune_work.traces(run, s, questions, base)
        taught = work.fine_tune(run, "taught", s.sft, base, traces)
        tuned = tune_work.reinforced(run, s, questions, taught)

        exams = [tune_work.exam(run, s, questions, model) for model in (base, taught, tuned)]
        tune_work.verdict(run, s, tuned, exams)
        run.ends_with(tuned)
    return s.folder
