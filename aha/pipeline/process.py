"""A process reward model on one page: what a search goes by, and how far it can be trusted.

policy --samples, labels--> steps     policy --on held-out problems, with exact labels--> held-out
base   --learns the steps--> process  process --on held-out--> measured
"""

from __future__ import annotations

from pathlib import Path

from aha.models.folder import resolve
from aha.pipeline import process_work as work
from aha.pipeline.recipe_process import Process
from aha.pipeline.runner import Runner
from aha.pipeline.screen import Screen


def process(s: Process, screen: Screen) -> Path:
    """Train a process reward model, or go on with it; returns the run folder."""
    with Runner(s.folder, s, screen) as run:
        policy = run.given("policy", resolve(s.policy))
        base = run.given("base", resolve(s.base)) if s.base else policy

        if s.file:
            steps, held_out = work.read(run, s, held_out=False), work.read(run, s, held_out=True)
        else:
            steps, held_out = work.steps(run, s, policy), work.held_out(run, s, policy)
        model = work.trained(run, s, base, steps)
        work.measured(run, s, model, held_out)
        run.ends_with(model)
    return s.folder
