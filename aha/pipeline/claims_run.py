"""All claims of the paper, measured: the recipe and its arms for every seed, then the verdicts.

    runs/claims/seed-0/          a run of the whole recipe, as `aha run` makes it
    runs/claims/seed-0/arms/     what the claims need beside it
    runs/claims/claims.json      every claim with its verdict, by part and seed; claims.md is the same as a page

The same command goes on where an interrupted one stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aha import disk
from aha.errors import AhaError, RunError
from aha.models.folder import resolve
from aha.pipeline.arms import SHOTS, Arms, sit, train
from aha.pipeline.check import check
from aha.pipeline.claims import CLAIMS
from aha.pipeline.claims_page import as_json, as_lines, as_markdown
from aha.pipeline.estimate import TYPICAL, Plan, line, plans_of, rl_plan, sft_plan, speed_of
from aha.pipeline.recipe_claims import Claims
from aha.pipeline.runner import Runner, Stage, read_stages
from aha.pipeline.screen import Screen
from aha.pipeline.stages import r1
from aha.pipeline.table import BY_QUESTION
from aha.pipeline.training import engine_of
from aha.pipeline.verdicts import Readings, Sat, judge

WANTED: tuple[Sat, ...] = tuple(
    dict.fromkeys(
        (cell.model, cell.sitting) for claim in CLAIMS for part in claim.parts for cell in (part.before, part.after)
    )
)
"""Which models the claims ask, and what."""
RECIPE = ("base", "zero", "dev1", "dev2", "dev3", "r1", "student", "distilled")
"""Models that the recipe puts in its stage table."""


def claims(c: Claims, screen: Screen) -> Path:
    """Measure every claim with every seed, or go on with it; returns the run folder. Verdicts are written after each."""
    check(c)
    seeds: list[Readings] = []
    for seed in c.seeds:
        screen.note(f"\nseed {seed} ({len(seeds) + 1} of {len(c.seeds)})")
        seeds.append(one_seed(c.with_seed(seed), screen))
        told = judge(CLAIMS, seeds)
        with disk.writing(c.folder):
            disk.write_whole(c.folder / "claims.json", as_json(told, c).encode())
            disk.write_whole(c.folder / "claims.md", as_markdown(told, c).encode())
    screen.note("\n".join(as_lines(told)))
    return c.folder


def one_seed(s: Claims, screen: Screen) -> Readings:
    """The recipe, its arms and all sittings of one seed. What fails leaves the rest to be measured."""
    stopped = ""
    try:
        r1(s, screen)
    except RunError:
        raise
    except AhaError as error:
        stopped = f"the recipe stopped: {error}"
        screen.note(stopped)
    done = {stage.name: stage for stage in _stages(s.folder)}
    with Runner(s.folder / "arms", s, screen) as run:
        arms = Arms(run, _roles(run, s, done), stopped)
        train(arms, s)
        for model, sitting in WANTED:
            known = done.get(f"exam-{arms.stages[model].name}") if model in arms.stages and sitting == "exam" else None
            arms.make(
                f"{model} {sitting}", model, by=partial(_given, known) if known else partial(sit, run, s, sitting)
            )
        every = {(stage.name, stage.digest): stage for stage in (*done.values(), *run.stages)}
    return _readings(s.seed, arms, every)


def _given(stage: Stage, _: Stage) -> Stage:
    return stage


def _stages(folder: Path) -> list[Stage]:
    """What the recipe made, up to where it stopped."""
    return read_stages(folder) if (folder / "stages.json").exists() else []


def _roles(run: Runner, s: Claims, done: Mapping[str, Stage]) -> dict[str, Stage]:
    """The models and data of the recipe by the part they play in the claims."""
    names = {name: name for name in ("zero", "dev1", "dev2", "dev3", "r1", "data")}
    names["distilled"] = f"distill-{s.student}"
    given = {"base": run.given("base", resolve(s.base)), "student": run.given(s.student, resolve(s.student))}
    return given | {role: done[name] for role, name in names.items() if name in done}


def _readings(seed: int, arms: Arms, every: Mapping[tuple[str, str], Stage]) -> Readings:
    """Results by question of every sitting, or the reason why there are none."""
    results: dict[Sat, Any] = {}
    missing: dict[Sat, str] = {}
    behind: dict[Sat, dict[str, float]] = {}
    for sat in WANTED:
        name = " ".join(sat)
        if name not in arms.stages:
            missing[sat] = arms.missing[name]
            continue
        stage = arms.stages[name]
        rows = json.loads((stage.folder / "results.json").read_text())
        if any(BY_QUESTION not in row for row in rows.values()):
            missing[sat] = f"{stage.folder} has no results by question; delete it and it is made again"
            continue
        results[sat] = {exam: row[BY_QUESTION] for exam, row in rows.items()}
        behind[sat] = dict(_behind(stage, every))
    return Readings(seed, results, missing, behind)


def _behind(stage: Stage, every: Mapping[tuple[str, str], Stage]) -> Iterator[tuple[str, float]]:
    """A stage and all it came from, with their seconds."""
    yield stage.folder.name, stage.record["seconds"]
    for told in stage.record["inputs"].values():
        if source := every.get((told["stage"], told["digest"])):
            yield from _behind(source, every)


def estimate(c: Claims) -> list[str]:
    """Sentences on the tokens and the time of one seed's stages, arms and sittings, and of all seeds."""
    check(c)
    speed = speed_of(engine_of(resolve(c.base), c))
    recipe, beside = list(plans_of(c)), list(_arms(c))
    sums = [Plan(name, sum(p.sampled for p in plans), sum(p.trained for p in plans))
            for name, plans in (("the recipe", recipe), ("what claims need beside it", beside))]  # fmt: skip
    n = len(c.seeds)
    whole = Plan(
        f"in all, {n} seed{'s' * (n != 1)}", n * sum(p.sampled for p in sums), n * sum(p.trained for p in sums)
    )
    return [line(plan, speed) for plan in (*recipe, sums[0], *beside, sums[1], whole)]


def _arms(c: Claims) -> Iterator[Plan]:
    """What is done beside the recipe for one seed, at most."""
    runs = {"dev2-free": c.dev2, "student-rl": c.student_rl, "distilled-rl": c.student_rl, "guesser-rl": c.zero}
    yield from (rl_plan(name, settings) for name, settings in runs.items())
    yield sft_plan("guesser", c.guesses.sft, c.guesses.examples)
    data = c.traces.problems * c.traces.keep * (1 + 1 / c.general.ratio)
    yield sft_plan("curated", c.curated.sft, c.curated.share * data)
    yield from (sft_plan(arm, c.search.sft, c.search.walks.problems) for arm in ("shortcut", "journey"))
    exams = {"exam": (c.table, 11), "tries": (c.tries, 1), "shots": (c.shots, len(SHOTS))}
    for name, (s, count) in exams.items():
        asked = [model for model, sitting in WANTED if sitting == name and (sitting != "exam" or model not in RECIPE)]
        replies = len(asked) * count * s.questions * s.samples
        yield Plan(f"{name} of {len(asked)} models", replies * TYPICAL * s.max_tokens, 0)
