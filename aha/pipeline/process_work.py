"""What each stage of a process reward model's recipe does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aha import disk, tables
from aha.errors import DataError
from aha.models.precision import DTYPES
from aha.models.process_scorer import ProcessScorer
from aha.pipeline.collect import write_rows
from aha.pipeline.preferences import learn
from aha.pipeline.recipe_process import Process
from aha.pipeline.runner import Runner, Setting, Stage
from aha.pipeline.training import ScorerTraining, engine_of
from aha.pipeline.work import MODEL, toml_of, weights_of
from aha.rollout.engine import TorchEngine
from aha.runlog import RunLog
from aha.stats import Interval
from aha.tasks import countdown_steps, process_labels
from aha.tasks.base import Task
from aha.tasks.process_files import read_prm800k
from aha.tasks.process_labels import LabelledSteps
from aha.train import process_measures as measures
from aha.train import process_reward
from aha.types import Completion, Problem, Sampling

DATA = ("data.jsonl",)
CHUNK = 128
"""Problems labelled at a time; an interrupted stage goes on after the last whole chunk."""
PLACES = 2000
"""Places within attempts at which sampled reachability is held against the solver's."""


def steps(run: Runner, s: Process, policy: Stage) -> Stage:
    """The policy's replies to training problems, with a label for every step."""

    def do(folder: Path) -> dict[str, Any]:
        engine, task = engine_of(policy.model, run.machine), s.task.task()
        chunks = [folder / f"chunk-{i:04d}.json" for i in range(-(-s.replies.problems // CHUNK))]
        for i, chunk in enumerate(chunks):
            if not chunk.exists():
                problems = task.draw(min(CHUNK, s.replies.problems - i * CHUNK), run.machine.seed * 1_000_003 + i)
                before = engine.ledger.tokens
                found = labelled(engine, task, s, problems, sampled(engine, s, problems, i), i)
                whole = {"rows": list(map(asdict, found)), "sampled_tokens": engine.ledger.tokens - before}
                disk.write_whole(chunk, tables.json_line(whole))
                run.screen.note(f"  {min(s.replies.problems, (i + 1) * CHUNK)}/{s.replies.problems} problems labelled")
        parts = [json.loads(chunk.read_bytes()) for chunk in chunks]
        rows = [row for part in parts for row in part["rows"]]
        write_rows(folder / "data.jsonl", rows)
        for chunk in chunks:
            chunk.unlink()
        tokens = sum(part["sampled_tokens"] for part in parts)
        return _counted(rows) | {"sampled_tokens": tokens, "weights": weights_of(engine.model)}

    return run.stage("steps", _told(s), {"policy": policy}, DATA, do)


def held_out(run: Runner, s: Process, policy: Stage) -> Stage:
    """Replies to held-out problems with exact labels, and how far the labels that are learnt agree with these."""

    def do(folder: Path) -> dict[str, Any]:
        engine, task = engine_of(policy.model, run.machine), s.task.task()
        problems = task.test[: s.replies.held_out]
        groups = sampled(engine, s, problems, -1)
        exact = exact_rows(problems, groups)
        given = labelled(engine, task, s, problems, groups, -1)
        write_rows(folder / "data.jsonl", list(map(asdict, exact)))
        told: dict[str, Any] = {"labels": s.labels} if s.labels == "exact" else {
            "labels": s.labels, "labels_agree": _plain(measures.agreement(given, exact)),
        }  # fmt: skip
        if (found := reached(engine, s, problems, groups)) is not None:
            told["reachable"] = _plain(found)
        spent = {"sampled_tokens": engine.ledger.tokens, "weights": weights_of(engine.model)}
        return _counted(list(map(asdict, exact))) | told | spent

    return run.stage("held-out", _told(s), {"policy": policy}, DATA, do)


def read(run: Runner, s: Process, held_out: bool) -> Stage:
    """The labelled solutions of a file; those of one question in ten are held out."""
    file = Path(s.file)

    def do(folder: Path) -> dict[str, Any]:
        rows = [row for row in read_prm800k(file) if _is_held_out(row) is held_out]
        if not rows:
            raise DataError(f"{file} has too few questions to hold one in ten out; give a longer file")
        write_rows(folder / "data.jsonl", list(map(asdict, rows)))
        return _counted(list(map(asdict, rows)))

    if not file.is_file():
        raise DataError(f"there is no file {file}; give solutions with step labels in PRM800K's format")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return run.stage("held-out" if held_out else "steps", {"file": s.file, "digest": digest}, {}, DATA, do)


def trained(run: Runner, s: Process, base: Stage, steps: Stage) -> Stage:
    """The scorer."""
    told: dict[str, Setting] = {"model": s.model}

    def do(folder: Path) -> dict[str, Any]:
        rows = read_rows(steps.data)
        with RunLog.open(folder, toml_of(told), keep=1) as log:
            training = ScorerTraining(log, base.model, run.machine, s.model, ProcessScorer)
            records = process_reward.train(training.scorer, rows, s.model, training.state, training.hold)
            learn(run, log, training, records, s.model.save_every)
        training.scorer.save(folder / "model")
        done = list(tables.read_jsonl(folder / "metrics.jsonl"))
        return {
            "headline": f"{len(rows)} replies, loss {done[0]['loss']:.2f} -> {done[-1]['loss']:.2f}",
            "trained_tokens": int(sum(row["tokens"] for row in done)), "weights": weights_of(training.scorer.model),
        }  # fmt: skip

    return run.stage("process", told, {"base": base, "steps": steps}, MODEL, do)


def measured(run: Runner, s: Process, model: Stage, held_out: Stage) -> Stage:
    """The scorer's scores against the held-out labels: first errors found, AUC, calibration."""

    def do(folder: Path) -> dict[str, Any]:
        scorer = ProcessScorer.load(model.model, DTYPES[run.machine.dtype])
        found = measures.measure(scorer, read_rows(held_out.data))
        told = _plain(found) | {"f1": found.f1}
        disk.write_whole(folder / "results.json", (json.dumps(told, indent=1) + "\n").encode())
        first = f"first errors named {_percent(found.first_error)}" if found.first_error else "no reply has an error"
        clean = f", clean replies left alone {_percent(found.none_wrong)}" if found.none_wrong else ""
        auc = found.auc
        return {"headline": f"AUC {auc.mean:.2f} ({auc.low:.2f} to {auc.high:.2f}), {first}{clean}", "measured": told}

    return run.stage("measured", {}, {"model": model, "held-out": held_out}, ("results.json",), do)


def sampled(engine: TorchEngine, s: Process, problems: Sequence[Problem], part: int) -> list[list[Completion]]:
    """The policy's replies; `part` makes the seed, -1 for held-out problems."""
    sampling = Sampling(
        s.replies.samples, s.replies.max_tokens, s.replies.temperature, seed=s.seed * 1_000_003 + part + 1
    )
    return engine.generate([problem.prompt for problem in problems], sampling)


def labelled(
    engine: TorchEngine, task: Task, s: Process, problems: Sequence[Problem], groups: Sequence[Sequence[Completion]], part: int
) -> list[LabelledSteps]:  # fmt: skip
    """The steps of replies with the labels that the recipe asks for."""
    if s.labels == "exact":
        return exact_rows(problems, groups)
    if s.labels == "outcomes":
        return process_labels.outcomes(engine.chat, task, problems, groups)
    sampling = Sampling(
        s.completions, s.replies.max_tokens, s.replies.temperature, seed=s.seed * 1_000_003 + part + 500_001
    )
    rows = process_labels.monte_carlo(engine, engine.chat, task, problems, groups, sampling)
    return [process_labels.hard(row) for row in rows] if s.labels == "hard" else rows


def exact_rows(problems: Sequence[Problem], groups: Sequence[Sequence[Completion]]) -> list[LabelledSteps]:
    """Whether each line is right."""
    return [
        countdown_steps.exact_labels(problem, reply)
        for problem, group in zip(problems, groups, strict=True)
        for reply in group
    ]


def reached(
    engine: TorchEngine, s: Process, problems: Sequence[Problem], groups: Sequence[Sequence[Completion]]
) -> measures.Agreement | None:
    """Sampled against exact: can the target still be reached from a place within an attempt? None where there is none."""
    places = list(_places(problems, groups))[:PLACES]
    if not places:
        return None
    asked, begun, lines = zip(*places, strict=True)
    sampling = Sampling(s.completions, s.replies.max_tokens, s.replies.temperature, seed=s.seed + 900_001)
    shares = countdown_steps.reach_shares(engine, asked, begun, sampling)
    exact = [float(countdown_steps.reachable(problem, line)) for problem, line in zip(asked, lines, strict=True)]
    return measures.agree([(p.prompt, share, y) for p, share, y in zip(asked, shares, exact, strict=True)])


def _places(problems: Sequence[Problem], groups: Sequence[Sequence[Completion]]) -> Iterator[tuple[Problem, str, str]]:
    """Problem, reply so far and line so far at the first sum of each line that tries more than one."""
    for problem, group in zip(problems, groups, strict=True):
        for before, line in dict.fromkeys(pair for reply in group for pair in _first_sums(reply.text)):
            yield problem, before + line, line.removeprefix(countdown_steps.THINK)


def _first_sums(text: str) -> Iterator[tuple[str, str]]:
    before = ""
    for step in countdown_steps.split(text):
        sums = countdown_steps.sums_of(step)
        if len(sums) > 1 and not step.startswith(countdown_steps.THINK_END):
            yield before, sums[0]
        before += step


def read_rows(file: Path) -> list[LabelledSteps]:
    """The labelled steps of a data file."""
    return [
        LabelledSteps(row["prompt"], tuple(row["steps"]), tuple(row["labels"]), row["id"])
        for row in tables.read_jsonl(file)
    ]


def _told(s: Process) -> dict[str, Setting]:
    return {"replies": s.replies, "task": s.task, "labels": s.labels, "completions": s.completions}


def _counted(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = [label for row in rows for label in row["labels"] if label is not None]
    if not known:
        raise DataError("no step got a label: the replies hold no line with a sum; take another policy or other labels")
    right = sum(known) / len(known)
    headline = f"{len(rows)} replies, {len(known)} labelled steps, {right:.0%} right"
    return {"headline": headline, "replies": len(rows), "labelled": len(known), "right": right}


def _is_held_out(row: LabelledSteps) -> bool:
    """One prompt in ten, whichever row it stands in."""
    return hashlib.sha256(row.prompt.encode()).digest()[0] % 10 == 0


def _plain(found: Any) -> dict[str, Any]:
    """A record of measures with its intervals as lists."""
    return {
        name: [value["mean"], value["low"], value["high"]] if isinstance(value, dict) and "low" in value else value
        for name, value in asdict(found).items()
    }


def _percent(share: Interval) -> str:
    return f"{share.mean:.0%} ({share.low:.0%} to {share.high:.0%})"
