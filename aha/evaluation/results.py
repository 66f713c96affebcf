"""What an evaluation found, as a record that is written to disk and as lines to read.

A folder of replies gets `results.json` (everything below), `grades.parquet` (every reply's grade, reason and answer) and
`harness/` (the same in the layout of lm-evaluation-harness). All of it can be made again from the replies.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aha import disk, tables
from aha.chat import is_mixed
from aha.errors import RunError
from aha.evaluate import POWERS, Evaluation, judged, voted
from aha.evaluation.digest import revision
from aha.evaluation.harness import export
from aha.evaluation.presets import Preset
from aha.evaluation.rating import rated
from aha.evaluation.store import Store
from aha.language import LANGUAGES, share_in
from aha.rewards.language import thinking_of
from aha.stats import Interval, cons_at_k, question_interval, t_interval
from aha.tasks.base import Task
from aha.types import Completion, Problem, Sampling, Score

FORMAT = "aha-eval/1"
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exam:
    """What is graded: the questions asked, of all that the preset has, and how they were to be answered."""

    preset: Preset
    task: Task
    problems: Sequence[Problem]
    """As the graders know them."""
    asked: Sequence[Problem]
    """The same as they are asked: after worked examples, perhaps, or in other words."""
    sampling: Sampling
    """`n` is k."""
    departures: dict[str, list[Any]]
    """What differs from the protocol: name -> [as the preset has it, as it was]."""
    left_out: Sequence[str] = ()


def grade(store: Store, exam: Exam) -> Record:
    """Grade the kept replies, and write and return the results. Nothing is sampled.

    Raises RunError where replies are missing, so that none is taken for a wrong one.
    """
    groups = store.groups(exam.asked, exam.sampling.n)
    votes = [k for k in POWERS if 2 < k < exam.sampling.n]
    found = judged(exam.task, exam.problems, groups, exam.sampling, votes=votes)
    record = {"format": FORMAT} | {
        key: store.settings[key] for key in ("model", "digest", "engine", "prompts", "shots")
    }
    record |= {
        "preset": exam.preset.name, "revision": revision(exam.task.test), "extractor": exam.preset.extractor, "departures": exam.departures,
        "left_out": list(exam.left_out),
    } | found.summary  # fmt: skip
    record |= _more(exam, found) | {"by_question": by_question(exam.task, found)}
    sessions = tables.read_jsonl(store.folder / "sessions.jsonl")
    try:
        record |= {name: sum(one[name] for one in sessions) for name in ("seconds", "tokens")}
    except (KeyError, TypeError):
        raise RunError(f"{store.folder / 'sessions.jsonl'}: a record lacks its seconds or tokens; remove it") from None
    _write(store, exam, found, record)
    return record


def _write(store: Store, exam: Exam, found: Evaluation, record: Record) -> None:
    rows = [
        {"id": problem.id, "sample": s, "parts": json.dumps(score.parts), "reason": score.reason, "answer": _shown(exam.task, problem, reply),
         "outcome": outcome(exam.task, problem, reply, score)}
        for problem, group, scores in zip(found.problems, found.groups, found.scores, strict=True)
        for s, (reply, score) in enumerate(zip(group, scores, strict=True))
    ]  # fmt: skip
    with disk.writing(store.folder):
        disk.write_whole(store.folder / "grades.parquet", tables.parquet(rows))
        disk.write_whole(
            store.folder / "results.json", (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
        )
        export(store.folder / "harness", record, found, exam.task, exam.asked)


def _shown(task: Task, problem: Problem, reply: Completion) -> str | None:
    answer = voted(task, problem, reply)
    return None if answer is None else str(answer)


def outcome(task: Task, problem: Problem, reply: Completion, score: Score) -> str:
    """One of five things that are never mixed: right, wrong, no answer, cut off, grader failed."""
    correct = score.parts["correct"]
    if correct is None:
        return "grader failed"
    if reply.finish == "length":
        return "cut off"
    if correct == 1:
        return "right"
    return "no answer" if voted(task, problem, reply) is None else "wrong"


def _more(exam: Exam, found: Evaluation) -> Record:
    """What training's evaluations leave out: outcomes, the strict score, lengths with intervals, languages, a rating."""
    told = list(zip(found.problems, found.groups, found.scores, strict=True))
    kinds = Counter(
        outcome(exam.task, p, r, s) for p, group, scores in told for r, s in zip(group, scores, strict=True)
    )
    every = max(1, kinds.total())
    shares = {kind: kinds[kind] / every for kind in ("right", "wrong", "no answer", "cut off", "grader failed")}
    record: Record = {"outcomes": shares}
    lengths = [sum(len(r.token_ids) for r in group) / len(group) for _, group, _ in told]
    if found.summary["length_mean"] is not None and len(lengths) > 1:
        ends = t_interval(lengths)
        record["length_interval"] = [max(0.0, ends.low), ends.high]
    record["rate_intervals"] = {name: _ends(question_interval(rates)) for name, rates in _rates(told).items()}
    strict = [[float(s.parts.get("correct_strict") or 0.0) for s in scores] for _, _, scores in told]
    if all("correct_strict" in s.parts for _, _, scores in told for s in scores):
        share = question_interval(strict)
        record |= {"strict": share.mean, "strict_interval": _ends(share)}
    own = [share for problem, group, _ in told for share in _own_language(problem, group)]
    if own:
        record["own_language"] = sum(own) / len(own)
    return record | _rating(told)


def _rates(told: Sequence[tuple[Problem, Sequence[Completion], Sequence[Score]]]) -> dict[str, list[list[float]]]:
    """The rates that `behaviour` gives as means, reply by reply."""
    return {
        "truncated": [[float(r.finish == "length") for r in group] for _, group, _ in told],
        "formatted": [[float(s.parts.get("formatted") or 0.0) for s in scores] for _, _, scores in told],
        "mixed_language": [[float(is_mixed(r.text)) for r in group] for _, group, _ in told],
    }


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _own_language(problem: Problem, group: Sequence[Completion]) -> list[float]:
    """Of each reply that thinks in words, the share that are in the question's language."""
    language = problem.answer.get("language") if isinstance(problem.answer, dict) else None
    if language not in LANGUAGES:
        return []
    shares = [share_in(thinking_of(reply.text), language) for reply in group]
    return [share for share in shares if share is not None]


def _rating(told: Sequence[tuple[Problem, Sequence[Completion], Sequence[Score]]]) -> Record:
    """A Codeforces rating where every problem has a difficulty, from the share of its programs that pass."""
    pairs = [
        (problem.answer["rating"], sum(float(s.parts["correct"] or 0.0) for s in scores) / len(scores))
        for problem, _, scores in told
        if isinstance(problem.answer, dict)
        and "rating" in problem.answer
        and all(s.parts["correct"] is not None for s in scores)
    ]
    return {"codeforces": asdict(rated(pairs)) | {"problems": len(pairs)}} if pairs else {}


def by_question(task: Task, found: Evaluation) -> dict[str, list[Any]]:
    """One value a question: the share of right replies, the credit of their vote, mean tokens. What comparisons pair.

    Questions any of whose graders failed are left out; a repeated id is numbered.
    """
    seen: Counter[str] = Counter()
    rows: dict[str, list[Any]] = {"id": [], "correct": [], "vote": [], "length": []}
    for problem, group, scores in zip(found.problems, found.groups, found.scores, strict=True):
        seen[problem.id] += 1
        values = [score.parts["correct"] for score in scores]
        correct = [float(value) for value in values if value is not None]
        if len(correct) < len(values):
            continue
        [vote] = cons_at_k([[voted(task, problem, reply) for reply in group]], [correct], len(group))
        rows["id"].append(problem.id if seen[problem.id] == 1 else f"{problem.id}#{seen[problem.id]}")
        rows["correct"].append(sum(correct) / len(correct))
        rows["vote"].append(vote)
        rows["length"].append(sum(len(reply.token_ids) for reply in group) / len(group))
    return rows
