"""What each stage does that teaches and reinforces a model on data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from aha import disk
from aha.chat import parse_reply
from aha.errors import DataError
from aha.evaluation.digest import revision
from aha.pipeline import small_work, work
from aha.pipeline.collect import write_rows
from aha.pipeline.journey import trace
from aha.pipeline.recipe_tune import Tune
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.training import engine_of
from aha.rewards.mathematics.extract import find_answer
from aha.tasks.base import Task
from aha.tasks.benchmarks_rows import rows
from aha.tasks.data import Loaded, benchmark
from aha.tasks.data_read import rows_of, worded
from aha.types import Example, Problem

Exam = tuple[str, Task]
"""Its name, and the task whose test questions are asked."""


class Questions:
    """The questions of a recipe, read when they are first needed: what is learnt, and what is asked in exams."""

    def __init__(self, s: Tune) -> None:
        self.settings = s

    @cached_property
    def exams(self) -> list[Exam]:
        """What models are measured on."""
        return [
            (name, benchmark(rows_of(name, "test"), self.settings.data.wording).task)
            for name in self.settings.exams.data
        ]

    @cached_property
    def loaded(self) -> Loaded:
        """What they learn from: nothing that an exam asks."""
        return self.settings.data.load(apart=[rows_of(name, "test") for name in self.settings.exams.data])

    def put(self, question: str) -> str:
        """A bare question as the questions to learn from are put."""
        kind = self.settings.data.rows(self.settings.data.train, "train").kind
        return worded(self.settings.data.wording, kind)(Problem(question)).prompt

    @property
    def digest(self) -> str:
        """Of the questions to learn from that come first, and of the test questions: other data, another digest."""
        task = self.loaded.task
        return revision([*task.draw(64, 0), *task.test])


def traces(run: Runner, s: Tune, questions: Questions, base: Stage) -> Stage:
    """Worked replies to training questions, and why others were left out."""

    def do(folder: Path) -> dict[str, Any]:
        for line in questions.loaded.notes:
            run.screen.note(line)
        reasons: Counter[str] = Counter()
        task = questions.loaded.task
        found = _of_file(Path(s.traces.file), questions) if s.traces.file else _of_data(s, task, reasons)
        examples = list({(e.prompt, e.reply): e for e in found}.values())[: s.traces.count]
        if not examples:
            raise DataError(f"{s.data.train} has no worked solutions; give a file of replies under traces.file")
        write_rows(folder / "data.jsonl", [
            {"prompt": e.prompt, "reply": e.reply, "source": s.traces.file or s.data.train, "domain": task.name,
             "language": "en", "id": e.id} for e in examples
        ])  # fmt: skip
        left = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        return {"headline": f"{len(examples)} worked replies" + (f"; left out: {left}" if left else "")}

    told: dict[str, Setting] = {"traces": s.traces, "data": s.data, "questions": questions.digest}
    return run.stage("traces", told, {"tokenizer": base}, work.DATA, do)


def _of_file(file: Path, questions: Questions) -> Iterator[Example]:
    """The replies of a file to bare questions. Raises DataError, naming the row, for what is no such record."""
    for number, row in rows(file):
        prompt, reply = row.get("prompt"), row.get("reply")
        if not isinstance(prompt, str) or not isinstance(reply, str) or parse_reply(reply) is None:
            raise DataError(
                f"{file}, row {number}: a record needs a prompt and a reply of the form "
                "<think>...</think><answer>...</answer>"
            )
        yield Example(questions.put(prompt), reply, id=f"row {number}")


def _of_data(s: Tune, task: Task, reasons: Counter[str]) -> Iterator[Example]:
    """The solutions that come with the data, which must earn full marks; of puzzles, searches."""
    walks = s.traces.walks
    for problem in {problem.id: problem for problem in task.draw(s.traces.count, s.seed + 1)}.values():
        if "target" in problem.answer:
            found = trace(problem, s.seed, walks.trials, walks.branches)
            reply = found.journey if found else None
        else:
            reply = unboxed(problem)
        if reply is None:
            reasons["without a solution" if "target" not in problem.answer else "not solved within walks.branches"] += 1
        else:
            yield Example(problem.prompt, reply, id=problem.id)


def unboxed(problem: Problem) -> str | None:
    r"""A problem's solution without the \boxed{} around its answer, which the tags say already."""
    reply = parse_reply(problem.solution or "")
    if reply is None:
        return None
    found, _ = find_answer(reply.answer, lenient=True)
    return f"<think>{reply.thinking}</think><answer>{found.text if found else reply.answer}</answer>"


def reinforced(run: Runner, s: Tune, questions: Questions, taught: Stage) -> Stage:
    """GRPO on the questions that were taught, and others of the same data."""
    told: dict[str, Setting] = {"rl": s.rl, "data": s.data, "questions": questions.digest}
    return work.reinforced(run, "tuned", told, lambda: questions.loaded.task, s.rl, {"base": taught})


def exam(run: Runner, s: Tune, questions: Questions, model: Stage) -> Stage:
    """A model on every exam; results.json says which replies were right, by exam."""

    def do(folder: Path) -> dict[str, Any]:
        engine = engine_of(model.model, run.machine)
        right, results = {}, {}
        for name, task in questions.exams:
            right[name], results[name] = small_work.answered(engine, task, s.exams)
            run.screen.note(f"  {name}: {results[name]['pass@1']:.1%} of {len(right[name])} questions")
        disk.write_whole(folder / "results.json", (json.dumps(right) + "\n").encode())
        return {
            "headline": ", ".join(f"{name} {found['pass@1']:.1%}" for name, found in results.items()),
            "sampled_tokens": sum(found["tokens"] for found in results.values()),
            "weights": work.weights_of(engine.model), "results": results,
        }  # fmt: skip

    asked = revision([problem for _, task in questions.exams for problem in task.test])
    return run.stage(f"exam-{model.name}", {"exams": s.exams, "asked": asked}, {"model": model}, ("results.json",), do)


def verdict(run: Runner, s: Tune, tuned: Stage, exams: Sequence[Stage]) -> Stage:
    """How good each model is at each exam, and what each step of the way gave."""
    names = [stage.name.removeprefix("exam-") for stage in exams]

    def write() -> dict[str, Any]:
        right = [json.loads((stage.folder / "results.json").read_text()) for stage in exams]
        told: dict[str, Any] = {"lines": [], "levels": {}, "gaps": {}}
        for exam in s.exams.data:
            for name, found in zip(names, right, strict=True):
                line, told["levels"][f"{exam}: {name}"] = small_work.level(f"{exam}: {name}", found[exam])
                told["lines"].append(line)
            for a, b in ((1, 0), (2, 1), (2, 0)):
                title = f"{exam}: {names[a]} against {names[b]}"
                line, told["gaps"][title] = small_work.gap(title, right[a][exam], right[b][exam])
                told["lines"].append(line)
        return told

    return small_work.verdict(run, tuned, exams, write)
