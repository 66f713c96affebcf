"""The paper on one page: R1-Zero, R1 and R1-Distill (arXiv 2501.12948; figure 2 of Nature 645:633).

base --RL--> R1-Zero --sample--> cold start
base --SFT on cold start--> Dev1 --RL, language reward--> Dev2 --sample--> traces + general data
base --SFT on both--> Dev3 --RL for all scenarios--> R1
students --SFT on both--> R1-Distill
"""

from __future__ import annotations

from pathlib import Path

from aha.models.folder import resolve
from aha.pipeline import preferences, work
from aha.pipeline.check import check
from aha.pipeline.recipe_r1 import R1
from aha.pipeline.runner import Runner
from aha.pipeline.screen import Screen


def r1(s: R1, screen: Screen) -> Path:
    """Run the whole recipe, or go on with it; returns the run folder."""
    check(s)
    with Runner(s.folder, s, screen) as run:
        base = run.given("base", resolve(s.base))

        zero = work.zero(run, s, base)
        cold = work.cold_start(run, s, zero)
        dev1 = work.fine_tune(run, "dev1", s.dev1, base, cold)
        dev2 = work.reasoning_rl(run, "dev2", s.dev2, s, dev1)
        traces = work.rejection_sampling(run, s, dev2)
        data = work.second_data(run, s, traces)
        dev3 = work.fine_tune(run, "dev3", s.dev3, base, data)

        helpful = preferences.helpfulness(run, s, dev3)
        safe = preferences.harmlessness(run, s, dev3)
        rules = work.reasoning_rl(run, "rules", s.reasoning, s, dev3)
        final = preferences.all_scenarios(run, s, rules, helpful, safe)

        students = [run.given(name, resolve(name)) for name in s.students]
        distilled = [work.distill(run, s, given, data, final) for given in students]

        for model in (base, zero, dev1, dev2, dev3, final, *students, *distilled):
            work.measure(run, s.table, model)
        run.ends_with(final)
    return s.folder
