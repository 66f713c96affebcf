"""The arms beside the recipe: every other model that a claim needs, and the questions put to it.

student --RL--> student-rl        student --distilled--RL--> distilled-rl
Dev1 --RL without the language reward--> dev2-free
base --SFT on guesses--> guesser --RL--> guesser-rl
base --SFT on a curated part of the data--> curated
base --SFT on searches--> journey, shortcut

What fails is noted, and the arms that need it are left out; everything else is still made.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from aha.chat import END, count_reflection, parse_reply
from aha.errors import AhaError, ConfigError, RunError
from aha.models.world import countdown_text
from aha.pipeline import small_work, work, world
from aha.pipeline.claims import PUZZLE, Sitting
from aha.pipeline.collect import write_rows
from aha.pipeline.recipe import Countdown, Rl
from aha.pipeline.recipe_claims import Claims
from aha.pipeline.recipe_r1 import Table
from aha.pipeline.recipe_small import Journey
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.table import examine
from aha.pipeline.training import engine_of
from aha.pipeline.world import Exam
from aha.rollout.engine import TorchEngine
from aha.tables import read_jsonl
from aha.tasks.base import Task
from aha.tasks.countdown import countdown
from aha.types import Example, Problem

SHOTS = (0, 1, 3)
"""Solved examples before the question."""
Make = Callable[..., Stage]


class Arms:
    """The stages of one seed by the part they play, and why others are missing."""

    def __init__(self, run: Runner, have: Mapping[str, Stage], stopped: str) -> None:
        """Begin with what the recipe made; `stopped` says why it made no more."""
        self.run, self.stages, self.stopped = run, dict(have), stopped
        self.missing: dict[str, str] = {}

    def make(self, name: str, *needs: str, by: Make) -> None:
        """The stage `name`, made by `by(*stages it needs)`. A user's error becomes the reason why it is missing.

        RunError is raised: a folder that is in use or cannot be written is no fault of the stage.
        """
        lacking = next((need for need in needs if need not in self.stages), None)
        if lacking:
            self.missing[name] = self.missing.get(lacking, f"no {lacking}: {self.stopped}")
            return
        try:
            self.stages[name] = by(*(self.stages[need] for need in needs))
        except RunError:
            raise
        except AhaError as error:
            self.missing[name] = f"{name}: {error}"
            self.run.screen.note(f"{name} failed, the rest goes on: {error}")


def train(arms: Arms, s: Claims) -> None:
    """Every model that a claim needs beside the recipe's own."""
    run, reinforced = arms.run, partial(reinforcement, arms.run, s)
    free = s.model_copy(update={"language": 0.0})
    arms.make("dev2-free", "dev1", by=partial(work.reasoning_rl, run, "dev2-free", s.dev2, free))
    arms.make("student-rl", "student", by=partial(reinforced, "student-rl", s.student_rl))
    arms.make("distilled-rl", "distilled", by=partial(reinforced, "distilled-rl", s.student_rl))

    arms.make("guesses", "base", by=partial(guesses, run, s))
    arms.make("guesser", "base", "guesses", by=partial(work.fine_tune, run, "guesser", s.guesses.sft))
    arms.make("guesser-rl", "guesser", by=partial(reinforced, "guesser-rl", s.zero))

    arms.make("curated-data", "data", by=partial(curated, run, s.curated.share))
    arms.make("curated", "base", "curated-data", by=partial(work.fine_tune, run, "curated", s.curated.sft))

    told = journey_of(s)
    arms.make("searches", "base", by=partial(small_work.traces, run, told))
    for arm in ("shortcut", "journey"):
        data = f"{arm}-data"
        arms.make(data, "base", "searches", by=partial(_reading, run, told, arm))
        arms.make(arm, "base", data, "searches", by=partial(_searcher, run, told, arm))


def reinforcement(run: Runner, s: Claims, name: str, settings: Rl, start: Stage) -> Stage:
    """Reinforcement by the same rules as R1-Zero's, from another model."""
    told: dict[str, Setting] = {"rl": settings, "world": s.world}
    return work.reinforced(run, name, told, lambda: world.reasoning(s.world), settings, {"base": start})


def guesses(run: Runner, s: Claims, base: Stage) -> Stage:
    """Puzzles answered at once by a random expression: what is left of the base's reading without its searches."""

    def do(folder: Path) -> dict[str, Any]:
        rows = [asdict(example) for example in guessed(s.world.numbers, s.guesses.examples, run.machine.seed)]
        write_rows(folder / "data.jsonl", rows)
        return {"headline": f"{len(rows)} guesses"}

    told: dict[str, Setting] = {"examples": s.guesses.examples, "world": s.world}
    return run.stage("guesses", told, {"base": base}, work.DATA, do)


def guessed(numbers: Sequence[int], count: int, seed: int) -> list[Example]:
    """Training puzzles, half of them Chinese, each with a random expression of its numbers, right or not."""
    halves = (countdown(numbers, language="en"), count - count // 2), (countdown(numbers, language="zh"), count // 2)
    problems = [problem for i, (task, n) in enumerate(halves) for problem in task.draw(n, 2 * seed + i)]
    examples = []
    for i, problem in enumerate(problems):
        rng, language = random.Random(f"guess {seed} {i}"), problem.answer["language"]
        writer = countdown_text.Writer(rng, language, mixed=False)
        thinking, answer = countdown_text.guess(rng, writer, problem.answer["numbers"])
        reply = f"<think>{thinking}</think><answer>{answer}</answer>"
        examples.append(Example(problem.prompt, reply, "guess", "countdown", language, problem.id))
    return examples


def curated(run: Runner, share: float, data: Stage) -> Stage:
    """The part of a data set that is worth most."""

    def do(folder: Path) -> dict[str, Any]:
        rows = read_jsonl(data.data)
        kept = best(rows, share)
        write_rows(folder / "data.jsonl", kept)
        return {"headline": f"{len(kept)} of {len(rows)} examples", "kept": len(kept)}

    return run.stage("curated-data", {"share": share}, {"data": data}, work.DATA, do)


def best(rows: Sequence[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Of each domain the share, rounded up, that shows most: first what verifies or doubts itself, then long thinking.

    At most one example a prompt, so the set is as varied as it can be. That is s1's and LIMO's reasoning as a rule:
    hard questions (a long right answer stands for one), words of verification, diversity (arXiv 2501.19393, 2502.03387).
    """
    once: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=_shows, reverse=True):
        once.setdefault(row["prompt"], row)
    kept = []
    for domain in dict.fromkeys(row["domain"] for row in rows):
        ranked = [row for row in once.values() if row["domain"] == domain]
        kept += ranked[: -int(-share * sum(row["domain"] == domain for row in rows) // 1)]
    return kept


def _shows(row: Mapping[str, Any]) -> tuple[bool, int]:
    reply = parse_reply(row["reply"])
    thinking = reply.thinking if reply else ""
    return count_reflection(thinking) > 0, len(thinking)


def journey_of(s: Claims) -> Journey:
    """The claims' part of the recipe of journey learning."""
    return Journey(
        seed=s.seed, dtype=s.dtype, threads=s.threads, base=s.base, task=Countdown(numbers=s.world.numbers),
        sft=s.search.sft, walks=s.search.walks,
    )  # fmt: skip


def _reading(run: Runner, s: Journey, arm: str, base: Stage, searches: Stage) -> Stage:
    return small_work.reading(run, s, base, searches, arm)


def _searcher(run: Runner, s: Journey, arm: str, base: Stage, data: Stage, searches: Stage) -> Stage:
    return small_work.fine_tuned(run, arm, s, base, data, searches.record["puzzles"])


def sit(run: Runner, s: Claims, sitting: Sitting, model: Stage) -> Stage:
    """A model on the questions of a sitting; results.json has them one by one."""
    if sitting == "exam":
        return work.measure(run, s.table, model)
    settings = s.tries if sitting == "tries" else s.shots
    asked: Callable[[], list[Exam]] = partial(_puzzles, settings) if sitting == "tries" else partial(_shown, settings)

    def do(folder: Path) -> dict[str, Any]:
        engine, exams = engine_of(model.model, run.machine), asked()
        _fit(engine, exams, settings)
        weights = work.weights_of(engine.model)
        return examine(folder, engine, settings, run.screen.note, exams) | {"weights": weights}

    name = f"exam-{model.name}-{sitting}"
    return run.stage(name, {"table": settings}, {"model": model}, ("results.json",), do)


def _puzzles(settings: Table) -> list[Exam]:
    return [exam for exam in world.exams(settings.questions) if exam.name == PUZZLE]


def _shown(settings: Table) -> list[Exam]:
    [puzzles] = _puzzles(settings)
    return list(after_examples(puzzles.task, puzzles.problems))


def after_examples(task: Task, problems: Sequence[Problem]) -> Iterator[Exam]:
    """The same questions after 0, 1 and 3 solved training problems, each question with its own, in the template."""
    most = max(SHOTS)
    pool = task.draw(most * len(problems), 0)
    for k in SHOTS:
        asked = []
        for i, problem in enumerate(problems):
            shown = "".join(f"{p.prompt}{p.solution}{END}\n" for p in pool[most * i : most * i + k])
            asked.append(replace(problem, prompt=shown + problem.prompt))
        yield Exam(f"{k} shots", task, asked)


def _fit(engine: TorchEngine, exams: Sequence[Exam], settings: Table) -> None:
    """Raises ConfigError when prompt and reply are longer than what the model was made for."""
    longest = max(map(len, engine.chat.prompt_ids([problem.prompt for exam in exams for problem in exam.problems])))
    positions = engine.model.config.max_position_embeddings
    if longest + settings.max_tokens > positions:
        raise ConfigError(
            f"prompts of {longest} tokens and replies of {settings.max_tokens} exceed the {positions} positions "
            "that the model knows; lower max_tokens"
        )
