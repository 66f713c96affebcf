"""Labels for the steps of replies, and those that sampling gives: can the policy still get there from here?

    sampling = Sampling(n=8, max_tokens=512, seed=1)
    rows = monte_carlo(engine, chat, task, problems, groups, sampling)      # soft: the share that got there
    rows = [hard(row) for row in rows]                                      # hard: whether any did
    rows = outcomes(chat, task, problems, groups)                           # how the reply itself ended: one sample, free

Math-Shepherd (arXiv 2312.08935, section 3.3) samples completions from the end of every step. Such a label says whether the
policy can still recover, not whether the step is right: after a wrong line the next may be right (2501.07301). Where
a task knows the truth it has labels of its own (`aha.tasks.countdown_steps`); human ones come from files
(`aha.tasks.process_files`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from aha.chat import Chat
from aha.models.steps import split_ids
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling

Label = float | None
"""In [0, 1], how right a step is; None where nobody knows, or where there is nothing to be right about."""


@dataclass(frozen=True, slots=True)
class LabelledSteps:
    """A reply, or its beginning, with a label for each of its steps."""

    prompt: str
    steps: tuple[str, ...]
    labels: tuple[Label, ...]
    id: str = ""
    """The problem's id."""


def hard(row: LabelledSteps) -> LabelledSteps:
    """With labels of 0 and 1: whether any completion got there (arXiv 2312.08935, equation 3)."""
    return replace(row, labels=tuple(None if label is None else float(label > 0) for label in row.labels))


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A problem, and the tokens of a reply up to the end of a step."""

    problem: int
    ids: tuple[int, ...]


def monte_carlo(
    engine: Engine,
    chat: Chat,
    task: Task,
    problems: Sequence[Problem],
    groups: Sequence[Sequence[Completion]],
    sampling: Sampling,
    part: str = "correct",
) -> list[LabelledSteps]:
    """Soft labels for every step of every reply, one row a reply, in order.

    From each different prefix `sampling.n` completions are drawn, all in one call. One that makes its reply longer than
    `sampling.max_tokens` is cut off, and so not right. The last step of a finished reply is as right as the reply; the
    last of a reply that was cut off has no label. A completion whose grader failed does not count; a prefix of which
    none counts has no label. `part` is the reward that says what is right.
    """
    cut = [[_steps(chat, reply) for reply in group] for group in groups]
    asked = dict.fromkeys(prefix for i, group in enumerate(cut) for steps in group for prefix in _prefixes(i, steps))
    prompts = [[*groups[prefix.problem][0].prompt_ids, *prefix.ids] for prefix in asked]
    drawn = engine.generate(prompts, sampling) if prompts else []
    share = {
        prefix: _share(task, problems[prefix.problem], [_whole(chat, prefix, reply, sampling) for reply in group], part)
        for prefix, group in zip(asked, drawn, strict=True)
    }
    rows = []
    for i, (problem, group) in enumerate(zip(problems, groups, strict=True)):
        for reply, steps in zip(group, cut[i], strict=True):
            own = _share(task, problem, [reply], part) if reply.finish == "stop" else None
            labels = [share[prefix] for prefix in _prefixes(i, steps)] + [own] * bool(steps)
            rows.append(_row(chat, problem, steps, labels))
    return rows


def outcomes(
    chat: Chat,
    task: Task,
    problems: Sequence[Problem],
    groups: Sequence[Sequence[Completion]],
    part: str = "correct",
) -> list[LabelledSteps]:
    """Every step labelled with how its reply ended: one row a reply, and nothing to draw.

    A reply is itself one completion of each of its beginnings, so this is `monte_carlo` with one sample: noisy, unbiased,
    and free (outcome-supervised value models, arXiv 2311.09724). The last step of a reply that was cut off has no label.
    """
    rows = []
    for problem, group in zip(problems, groups, strict=True):
        for reply in group:
            steps, own = _steps(chat, reply), _share(task, problem, [reply], part)
            labels: list[Label] = [own] * len(steps)
            if steps and reply.finish == "length":
                labels[-1:] = [None]
            rows.append(_row(chat, problem, steps, labels))
    return rows


def _row(chat: Chat, problem: Problem, steps: Sequence[list[int]], labels: Sequence[Label]) -> LabelledSteps:
    return LabelledSteps(problem.prompt, tuple(map(chat.decode, steps)), tuple(labels), problem.id)


def _steps(chat: Chat, reply: Completion) -> list[list[int]]:
    """The steps of a reply by its tokens; an end without any text is no step."""
    return [step for step in split_ids(chat, reply.token_ids) if chat.decode(step)]


def _prefixes(problem: int, steps: Sequence[Sequence[int]]) -> list[_Prefix]:
    """What is gone on from: the reply up to the end of each step but the last."""
    return [_Prefix(problem, tuple(i for step in steps[:k] for i in step)) for k in range(1, len(steps))]


def _whole(chat: Chat, prefix: _Prefix, drawn: Completion, sampling: Sampling) -> Completion:
    """The reply that a prefix and its completion make."""
    ids = [*prefix.ids, *drawn.token_ids]
    if len(ids) > sampling.max_tokens:
        return Completion(
            chat.decode(ids[: sampling.max_tokens]), token_ids=ids[: sampling.max_tokens], finish="length"
        )
    return Completion(chat.decode(ids), token_ids=ids, finish=drawn.finish)


def _share(task: Task, problem: Problem, replies: Sequence[Completion], part: str) -> Label:
    """The share of replies that are right, of those whose grader did not fail."""
    grades = [score.parts[part] for score in task.rubric(problem, replies)]
    known = [grade for grade in grades if grade is not None]
    return fmean(known) if known else None
