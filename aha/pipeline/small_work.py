"""What each stage of the small-budget recipes does."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aha import disk, tables
from aha.chat import Chat
from aha.errors import DataError
from aha.evaluate import evaluate
from aha.pipeline import curate, work
from aha.pipeline.collect import write_rows
from aha.pipeline.filters import known_runs
from aha.pipeline.journey import traces as search_traces
from aha.pipeline.recipe_small import Exam, Journey, Refiner, SkyT1, Small
from aha.pipeline.refine import Refine, by_engine, by_rule
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.training import engine_of
from aha.rollout.http_engine import HttpEngine
from aha.stats import Interval, clustered_mean, paired_difference, pass_at_k
from aha.tasks.base import Task
from aha.tasks.countdown import key_of
from aha.types import Engine, Problem, Sampling

DATA = ("data.jsonl",)
Matrix = list[list[float]]
"""Right or not, by question and sample."""


def samples(run: Runner, s: SkyT1, teacher: Stage) -> Stage:
    """The teacher's replies as they come."""

    def do(folder: Path) -> dict[str, Any]:
        engine = engine_of(teacher.model, run.machine)
        rows = curate.sample(folder, engine, s.task.task(), s.samples, run.machine.seed + 1, run.screen.note)
        tokens = sum(row["tokens"] for row in rows)
        return {
            "headline": f"{len(rows)} replies to {s.samples.problems} problems", "sampled_tokens": tokens,
            "weights": work.weights_of(engine.model),
        }  # fmt: skip

    return run.stage("samples", {"samples": s.samples, "task": s.task}, {"model": teacher}, DATA, do)


def reformatted(run: Runner, s: SkyT1, samples: Stage) -> Stage:
    """Every reply rewritten, with the teacher's accuracy before and after."""

    def do(folder: Path) -> dict[str, Any]:
        rows = curate.reformat(
            folder, tables.read_jsonl(samples.data), s.samples.samples, s.task.task(), refiner_of(s.refiner),
            bool(s.refiner.url), run.screen.note,
        )  # fmt: skip
        before_QK, after_QK = (_by_problem(rows, when, s.samples.samples) for when in ("before", "after"))
        gained = paired_difference(after_QK, before_QK)
        told = {"before": clustered_mean(before_QK), "after": clustered_mean(after_QK), "gained": gained}
        headline = f"right {told['before'].mean:.1%} as it came, {told['after'].mean:.1%} reformatted"
        return {"headline": headline} | {name: ends(found) for name, found in told.items()}

    told = {"refiner": s.refiner, "samples": s.samples, "task": s.task}
    return run.stage("reformatted", told, {"model": samples}, DATA, do)


def refiner_of(settings: Refiner) -> Refine:
    """Rules, or the model that the settings name."""
    if not settings.url:
        return by_rule
    return by_engine(HttpEngine(settings.url, settings.model, settings.key_variable, chat=True), lambda text: text)


def _by_problem(rows: Sequence[dict[str, Any]], when: str, samples: int) -> Matrix:
    """Right or not by problem and sample; problems on which a grader failed are left out."""
    found = [[row[when] for row in rows[i : i + samples]] for i in range(0, len(rows), samples)]
    return [[float(right) for right in group] for group in found if None not in group]


def curated(run: Runner, s: SkyT1, reformatted: Stage) -> Stage:
    """The right and readable ones, in random order, so that the first N of them are a set as good as any."""

    def do(folder: Path) -> dict[str, Any]:
        task, rows = s.task.task(), tables.read_jsonl(reformatted.data)
        known = known_runs([problem.prompt for problem in task.test[: s.exam.questions]])
        kept, reasons = curate.reject(rows, task, s.samples, known)
        random.Random(run.machine.seed).shuffle(kept)
        write_rows(folder / "data.jsonl", kept)
        told = {"in": len(rows), "kept": len(kept), "reasons": dict(reasons.most_common())}
        return told | {"headline": f"{len(kept)} of {len(rows)} replies kept"}

    told: dict[str, Setting] = {"samples": s.samples, "task": s.task, "questions": s.exam.questions}
    return run.stage("curated", told, {"model": reformatted}, DATA, do)


def first(run: Runner, s: SkyT1, base: Stage, curated: Stage, size: int) -> Stage:
    """The first `size` of the curated examples, read until they cost what the largest set costs."""

    def do(folder: Path) -> dict[str, Any]:
        rows = tables.read_jsonl(curated.data)
        largest = max(s.sizes)
        if len(rows) < largest:
            raise DataError(
                f"{len(rows)} examples were kept and sizes asks for {largest}; raise samples.problems or samples.keep, "
                f"or lower sizes"
            )
        tokens = reply_tokens(base, rows[:largest])
        budget = s.sft.epochs * sum(tokens)
        return read_through(folder, rows[:size], tokens[:size], budget, run.machine.seed)

    told = {"size": size, "largest": max(s.sizes), "epochs": s.sft.epochs}
    return run.stage(f"first-{size}", told, {"model": curated, "tokenizer": base}, DATA, do)


def traces(run: Runner, s: Journey, base: Stage) -> Stage:
    """Shortcut and journey of the same puzzles."""

    def do(folder: Path) -> dict[str, Any]:
        problems = _once(s.task.task().draw(s.walks.problems, run.machine.seed + 1))
        found = search_traces(problems, run.machine.seed, s.walks.trials, s.walks.branches)
        if not found:
            raise DataError(f"none of {len(problems)} puzzles was solved within {s.walks.branches} wrong branches")
        rows = [
            {"prompt": t.problem.prompt, "id": t.problem.id, "domain": "countdown", "source": "search tree",
             "language": t.problem.answer["language"], "shortcut": t.shortcut, "journey": t.journey,
             "branches": t.branches}
            for t in found
        ]  # fmt: skip
        write_rows(folder / "data.jsonl", rows)
        wrong = sum(t.branches for t in found) / len(found)
        return {
            "headline": f"{len(found)} of {len(problems)} puzzles, {wrong:.1f} wrong branches each",
            "puzzles": len(found),
        }

    return run.stage("traces", {"walks": s.walks, "task": s.task}, {"base": base}, DATA, do)


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list({key_of(problem): problem for problem in problems}.values())


def reading(run: Runner, s: Journey, base: Stage, traces: Stage, arm: str) -> Stage:
    """What one arm reads: its replies, again and again until they cost what the journeys cost."""

    def do(folder: Path) -> dict[str, Any]:
        rows = tables.read_jsonl(traces.data)
        told = {name: [row | {"reply": row[name]} for row in rows] for name in ("shortcut", "journey")}
        budget = s.sft.epochs * sum(reply_tokens(base, told["journey"]))
        return read_through(folder, told[arm], reply_tokens(base, told[arm]), budget, run.machine.seed)

    told: dict[str, Setting] = {"arm": arm, "epochs": s.sft.epochs}
    return run.stage(f"{arm}-data", told, {"traces": traces, "tokenizer": base}, DATA, do)


def read_through(
    folder: Path, rows: Sequence[dict[str, Any]], tokens: Sequence[int], budget: int, seed: int
) -> dict[str, Any]:
    """Write the rows to data.jsonl as often as fits a budget of reply tokens; says how often and how many."""
    chosen = curate.repeated(rows, tokens, budget, seed)
    keys = ("prompt", "reply", "source", "domain", "language", "id")
    write_rows(folder / "data.jsonl", [{key: rows[i][key] for key in keys} for i in chosen])
    read, times = sum(tokens[i] for i in chosen), len(chosen) / len(rows)
    return {
        "headline": f"{len(rows)} examples read {times:.1f} times: {read} of {budget} tokens",
        "examples": len(rows), "rows": len(chosen), "reply_tokens": read, "budget": budget,
    }  # fmt: skip


def reply_tokens(base: Stage, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Tokens that fine-tuning learns of each row: its reply and the end token."""
    return [len(ids) + 1 for ids in Chat.load(base.model).encode_batch([row["reply"] for row in rows])]


def fine_tuned(run: Runner, name: str, s: Small, base: Stage, data: Stage, fullest: int) -> Stage:
    """One fine-tuning of the base on a reading, which holds every repetition already.

    It takes as many steps as `sft` would take to read `fullest` examples, so all students of a recipe move as often.
    """
    steps = math.ceil(s.sft.epochs * fullest / s.sft.examples)
    settings = s.sft.model_copy(update={"epochs": 1, "examples": math.ceil(data.record["rows"] / steps)})
    return work.fine_tune(run, name, settings, base, data)


def exam(run: Runner, s: Small, model: Stage) -> Stage:
    """A model on held-out puzzles; results.json says which replies were right."""

    def do(folder: Path) -> dict[str, Any]:
        task, engine = s.task.task(), engine_of(model.model, run.machine)
        right_QK, found = answered(engine, task, s.exam)
        disk.write_whole(folder / "results.json", (json.dumps(right_QK) + "\n").encode())
        return {
            "headline": f"pass@1 {found['pass@1']:.1%}", "sampled_tokens": found["tokens"],
            "weights": work.weights_of(engine.model), "results": {task.name: found},
        }  # fmt: skip

    told = {"exam": s.exam, "task": s.task}
    return run.stage(f"exam-{model.name}", told, {"model": model}, ("results.json",), do)


def answered(engine: Engine, task: Task, exam: Exam) -> tuple[Matrix, dict[str, Any]]:
    """Which replies to an exam's questions are right, and what a record says of them, the first few included."""
    sampling = Sampling(exam.samples, exam.max_tokens, exam.temperature, seed=1)
    found = evaluate(engine, task, task.test[: exam.questions], sampling)
    right_QK = [[float(score.parts["correct"] or 0.0) for score in scores] for scores in found.scores]
    first = zip(found.problems[:3], found.groups, strict=False)
    return right_QK, found.summary | {
        "tokens": sum(len(reply.token_ids) for group in found.groups for reply in group),
        "examples": [{"prompt": problem.prompt, "reply": group[0].text} for problem, group in first],
    }


def verdict(run: Runner, model: Stage, others: Sequence[Stage], write: Callable[[], dict[str, Any]]) -> Stage:
    """What a recipe found: `write` says its lines and the numbers in them. The lines are printed each time."""

    def do(folder: Path) -> dict[str, Any]:
        told = write()
        disk.write_whole(folder / "verdict.json", (json.dumps(told, indent=1) + "\n").encode())
        return {"headline": told["lines"][-1]} | told

    inputs = {"model": model} | {stage.name: stage for stage in others}
    stage = run.stage("verdict", {"version": 1}, inputs, ("verdict.json",), do)
    for line in stage.record["lines"]:
        run.screen.note(line)
    return stage


def right(exam: Stage) -> Matrix:
    """Which replies of an exam were right."""
    found: Matrix = json.loads((exam.folder / "results.json").read_text())
    return found


def measures(right_QK: Matrix) -> dict[str, Matrix]:
    """pass@1 and pass@k, k being the samples there are, each as rows by question."""
    k = len(right_QK[0])
    best = {f"pass@{k}": [[pass_at_k(k, sum(map(bool, row)), k)] for row in right_QK]} if k > 1 else {}
    return {"pass@1": right_QK} | best


def level(name: str, right_QK: Matrix) -> tuple[str, dict[str, list[float]]]:
    """How good a model is: a line, and its numbers as (mean, low, high)."""
    found = {key: clustered_mean(values_QK) for key, values_QK in measures(right_QK).items()}
    told = ", ".join(
        f"{key} {100 * x.mean:.1f} % ({100 * x.low:.1f} to {100 * x.high:.1f})" for key, x in found.items()
    )
    return f"{name}: {told}", {key: ends(x) for key, x in found.items()}


def gap(name: str, a_QK: Matrix, b_QK: Matrix) -> tuple[str, dict[str, list[float]]]:
    """How much better a is than b on the same questions: a line, and its numbers as (mean, low, high)."""
    pairs = zip(measures(a_QK).items(), measures(b_QK).values(), strict=True)
    found = {key: paired_difference(ours, theirs) for (key, ours), theirs in pairs}
    told = ", ".join(
        f"{key} {100 * x.mean:+.1f} points ({100 * x.low:+.1f} to {100 * x.high:+.1f})" for key, x in found.items()
    )
    return f"{name}: {told}", {key: ends(x) for key, x in found.items()}


def ends(found: Interval) -> list[float]:
    """An interval as a record keeps it."""
    return [found.mean, found.low, found.high]
