"""Sample a model, keep what is worth learning from, and write down why the rest was not: cold start and rejection
sampling (arXiv 2501.12948, sections 2.3.1 and 2.3.3).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aha import disk, tables
from aha.chat import ANSWER, ANSWER_END, THINK, THINK_END, Reply, parse_reply
from aha.errors import DataError
from aha.pipeline.filters import contaminated, thinks, unreadable, wrong
from aha.pipeline.recipe import Collect
from aha.pipeline.refine import Refine, domain_of
from aha.rewards.grading import Grading
from aha.tasks.base import Task
from aha.types import Completion, Engine, Example, Problem, Sampling, Score

CHUNK = 256
"""Problems sampled at a time; an interrupted collection goes on after the last whole chunk."""
Run = tuple[str, ...]


def collect(
    folder: Path, engine: Engine, task: Task, settings: Collect, seed: int, *, source: str,
    refine: Refine | None = None, known: Set[Run] = frozenset(), say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:  # fmt: skip
    """Sample `task`'s training problems and write what is kept to data.jsonl, the rest to rejected.jsonl.

    Per prompt at most `settings.keep` replies are kept, the first ones, no two alike. Returns the counts: how many
    came in, how many were kept, and why the others were not. Raises DataError when nothing is left.
    """
    chunks = [folder / f"chunk-{i:04d}.jsonl" for i in range(-(-settings.problems // CHUNK))]
    for i, chunk in enumerate(chunks):
        if not chunk.exists():
            count = min(CHUNK, settings.problems - i * CHUNK)
            rows = _chunk(engine, task, settings, seed * 1_000_003 + i, count, source, refine, known)
            disk.write_whole(chunk, b"".join(map(tables.json_line, rows)))
            say(f"  {source}: {min(settings.problems, (i + 1) * CHUNK)}/{settings.problems} prompts sampled")
    rows = [row for chunk in chunks for row in tables.read_jsonl(chunk)]
    kept = [row for row in rows if not row["reason"]]
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    if not kept:
        took = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        raise DataError(f"nothing is left of {len(rows)} replies of {source}: {took}")
    write_rows(folder / "data.jsonl", [{k: v for k, v in row.items() if k != "reason"} for row in kept])
    write_rows(folder / "rejected.jsonl", [row for row in rows if row["reason"]])
    for chunk in chunks:
        chunk.unlink()
    tokens = sum(row["tokens"] for row in rows)
    return {"in": len(rows), "kept": len(kept), "reasons": dict(reasons.most_common()), "sampled_tokens": tokens}


def _chunk(
    engine: Engine, task: Task, settings: Collect, seed: int, count: int, source: str, refine: Refine | None,
    known: Set[Run],
) -> list[dict[str, Any]]:  # fmt: skip
    """Every reply to `count` problems as a row, with the reason it is not kept, if there is one."""
    problems = task.draw(count, seed)
    grading = Grading(task.rubric)
    sampling = Sampling(settings.samples, settings.max_tokens, settings.temperature, settings.top_p, seed=seed)
    jobs = {}

    def done(i: int, group: list[Completion]) -> None:
        jobs[i] = grading.submit(problems[i], group)

    groups = engine.generate([problem.prompt for problem in problems], sampling, done)
    scores = [grading.scores(jobs[i]) for i in range(count)]
    grading.close()
    rows = []
    for problem, group, graded in zip(problems, groups, scores, strict=True):
        rows += _judged(problem, group, graded, task, settings, source, refine, known)
    return rows


def _judged(
    problem: Problem, group: Sequence[Completion], scores: Sequence[Score], task: Task, settings: Collect, source: str,
    refine: Refine | None, known: Set[Run],
) -> list[dict[str, Any]]:  # fmt: skip
    """The replies to one problem as rows: graded, filtered, refined, graded once more, and thinned out."""
    leaked = "overlaps an evaluation set" if contaminated(problem.prompt, known) else ""
    reasons = [
        leaked or wrong(score) or _flaw(problem, reply, settings, refine is None)
        for reply, score in zip(group, scores, strict=True)
    ]
    texts = [reply.text for reply in group]
    if refine is not None:
        asked = [i for i, reason in enumerate(reasons) if not reason]
        pairs = [(problem, read) for i in asked if (read := parse_reply(texts[i]))]
        for i, better in zip(asked, refine(pairs), strict=True):
            texts[i], reasons[i] = _checked(problem, better, group[i], task)
    kept: set[str] = set()
    for i in range(len(group)):
        if not reasons[i]:
            reasons[i] = (
                "said already" if texts[i] in kept else "enough of this prompt" if len(kept) >= settings.keep else ""
            )
            kept |= set() if reasons[i] else {texts[i]}
    told = {
        "source": source,
        "domain": domain_of(problem),
        "language": problem.answer.get("language", ""),
        "id": problem.id,
    }
    return [
        asdict(Example(problem.prompt, text, **told)) | {"tokens": len(reply.token_ids), "reason": reason}
        for text, reply, reason in zip(texts, group, reasons, strict=True)
    ]


def _flaw(problem: Problem, completion: Completion, settings: Collect, final: bool) -> str:
    """Why a right reply is not kept, or nothing. One that is still to be refined may mix languages and repeat itself."""
    reply = parse_reply(completion.text)
    if reply is None:
        return "bad format"
    if settings.thinking and not thinks(problem, reply):
        return "does not think"
    return unreadable(problem, reply) if settings.readable and final else ""


def _checked(problem: Problem, better: Reply | None, raw: Completion, task: Task) -> tuple[str, str]:
    """A refined reply and why it cannot be kept: refining must not change what is right."""
    if better is None:
        return raw.text, "not refined"
    text = f"{THINK}{better.thinking}{THINK_END}{ANSWER}{better.answer}{ANSWER_END}"
    [score] = task.rubric(problem, [Completion(text)])
    if wrong(score):
        return text, "refining broke it"
    return text, unreadable(problem, better)


def write_rows(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Data as JSON, one row a line."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    disk.write_whole(file, "".join(lines).encode())


def read_examples(file: Path) -> list[Example]:
    """The examples of a data file. Raises DataError, naming the row, for what is none."""
    examples = []
    for number, row in enumerate(tables.read_jsonl(file), 1):
        missing = [name for name in ("prompt", "reply") if not isinstance(row.get(name), str)]
        if missing:
            raise DataError(f"{file}, row {number}: expected text under 'prompt' and 'reply', got {sorted(row)}")
        known = {name: str(row.get(name, "")) for name in ("source", "domain", "language", "id")}
        examples.append(Example(row["prompt"], row["reply"], **known))
    return examples
